"""A torch transducer's predictor and joiner as the searches of `tympan.decoding` ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan.models.transducer import TransducerModel

State = tuple[torch.Tensor, ...]


class TorchNetworks:
    """`TransducerNetworks` by torch, without gradient; the model must be in evaluation mode.

    A state is the predictor's own, a row of each of its tensors.
    """

    def __init__(self, model: TransducerModel) -> None:
        self.predictor, self.joiner = model.predictor, model.joiner
        self.device = model.joiner.output.weight.device

    @torch.inference_mode()
    def predict(self, tokens: Sequence[int], states: Sequence[Any]) -> tuple[npt.NDArray[np.float32], list[State]]:
        """n tokens and the states before them, None for the start -> predicted (n, P) and the states after them."""
        whole = [self.predictor.start(1) if state is None else state for state in states]
        stacked = tuple(torch.cat(parts) for parts in zip(*whole, strict=True))
        predicted, after = self.predictor.step(torch.tensor(tokens, dtype=torch.int64, device=self.device), stacked)
        rows = [tuple(part[index : index + 1] for part in after) for index in range(len(tokens))]
        return predicted.float().cpu().numpy(), rows

    @torch.inference_mode()
    def join(self, encoded: npt.NDArray[np.float32], predicted: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(D,) and (n, P) -> log_probs (n, V)."""
        heard, text = torch.from_numpy(encoded).to(self.device), torch.from_numpy(predicted).to(self.device)
        log_probs: npt.NDArray[np.float32] = self.joiner.log_probs(heard[None], text).cpu().numpy()
        return log_probs
