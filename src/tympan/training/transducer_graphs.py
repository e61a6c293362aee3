"""A transducer as three ONNX graphs: encoder, predictor, joiner."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.heads.joiner import Joiner
from tympan.models.predictors import Predictor
from tympan.models.transducer import TransducerModel
from tympan.training.tracing import FREE, traced


class PredictorStep(nn.Module):
    """`Predictor.step` with the state's tensors side by side."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, tokens: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """(N,), state -> predicted and the state after it."""
        predicted, after = self.predictor.step(tokens, tuple(state))
        return predicted, *after


class JoinerLogProbs(nn.Module):
    """`Joiner.log_probs`."""

    def __init__(self, joiner: Joiner) -> None:
        super().__init__()
        self.joiner = joiner

    def forward(self, encoded: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """(1, D), (N, P) -> (N, V)."""
        return self.joiner.log_probs(encoded, predicted)


def trace_encoder(encoder: Encoder) -> bytes:
    """features (B, T, F), lengths (B,) -> encoded (B, T', D), output_lengths (B,); any batch and time."""
    example = (torch.randn(2, 200, encoder.num_features), torch.tensor([200, 133]))
    shapes = {"features": {0: FREE, 1: FREE}, "lengths": {0: FREE}}
    return traced(encoder, example, ["features", "lengths"], ["encoded", "output_lengths"], shapes)


def trace_predictor(predictor: Predictor) -> bytes:
    """tokens (N,), state_0 (N, ...), ... -> predicted (N, P), next_state_0 (N, ...), ...; any N."""
    state = [part.clone() for part in predictor.start(3)]  # the exporter takes one tensor that is given twice for one input
    names = [f"state_{index}" for index in range(len(state))]
    shapes = {"tokens": {0: FREE}, "state": [{0: FREE} for _ in state]}
    example = (torch.tensor([0, 1, 1]), state)
    return traced(PredictorStep(predictor), example, ["tokens", *names], ["predicted", *(f"next_{name}" for name in names)], shapes)


def trace_joiner(model: TransducerModel) -> bytes:
    """encoded (1, D), predicted (N, P) -> log_probs (N, V); any N."""
    example = (torch.randn(1, model.encoder.output_dim), torch.randn(3, model.predictor.output_dim))
    shapes: dict[str, Any] = {"encoded": {}, "predicted": {0: FREE}}
    return traced(JoinerLogProbs(model.joiner), example, ["encoded", "predicted"], ["log_probs"], shapes)
