"""A torch speller as the search of `tympan.decoding` asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan.models.spellers import Speller, SpellerState

Array = npt.NDArray[np.float32]


class TorchSpeller:
    """`SpellerNetwork` by torch, without gradient; the speller must be in evaluation mode.

    Args:
        speller: of a model.
        encoded: (T', D) valid frames of one utterance.
    """

    @torch.inference_mode()
    def __init__(self, speller: Speller, encoded: torch.Tensor) -> None:
        self.speller = speller
        self.frames = len(encoded)
        self.memory = speller.attention.memory(encoded[None], torch.tensor([self.frames], device=encoded.device))

    @torch.inference_mode()
    def step(self, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[Array, Array, SpellerState]:
        """n tokens, each read in the state of its row -> log_probs (n, V), weights (n, T'), and states."""
        before: SpellerState = self.speller.start(1, self.memory) if state is None else state
        chosen = torch.tensor(rows, device=self.memory.keys.device)
        hidden, cells = (tuple(part[chosen] for part in layers) for layers in (before.hidden, before.cells))
        picked = SpellerState(hidden, cells, before.context[chosen], before.weights[chosen])
        logits, after = self.speller.step(torch.tensor(tokens, device=chosen.device), picked, self.memory)
        return logits.float().log_softmax(dim=1).cpu().numpy(), after.weights.mean(dim=1).float().cpu().numpy(), after
