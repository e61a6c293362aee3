"""An attention model as two ONNX graphs: what listens once, and one step of the speller."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.attention import AttentionModel
from tympan.models.neural_transducer import NeuralTransducerModel
from tympan.models.spellers import Memory, Speller, SpellerState
from tympan.training.tracing import FREE, traced

INPUTS = ["tokens", "keys", "values", "hidden", "cells", "context", "weights"]
OUTPUTS = ["log_probs", "next_hidden", "next_cells", "next_context", "next_weights"]


class Listening(nn.Module):
    """features, lengths -> keys, output_lengths, values, and log_probs where there is a CTC head."""

    def __init__(self, model: AttentionModel | NeuralTransducerModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, T, F), (B,) -> (B, H, T', A), (B,), (B, H, T', E), and (B, u T', V)."""
        encoded, lengths = self.model.encoder(features, lengths)
        memory = self.model.speller.attention.memory(encoded, lengths)
        heard = (memory.keys, lengths, memory.values)
        return heard if self.model.head is None else (*heard, self.model.head(encoded))


class SpellerStep(nn.Module):
    """`Speller.step` on valid frames of one utterance, with layers' states stacked."""

    def __init__(self, speller: Speller) -> None:
        super().__init__()
        self.speller = speller

    def forward(
        self,
        tokens: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        hidden: torch.Tensor,
        cells: torch.Tensor,
        context: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """(N,), (1, H, T', A), (1, H, T', E), (N, L, S), (N, L, S), (N, D), (N, H, T') -> (N, V), and the last four after it."""
        state = SpellerState(hidden.unbind(1), cells.unbind(1), context, weights)
        logits, after = self.speller.step(tokens, state, Memory(keys, values, None))
        return logits.log_softmax(dim=1), torch.stack(after.hidden, 1), torch.stack(after.cells, 1), after.context, after.weights


def trace_listening(model: AttentionModel | NeuralTransducerModel) -> bytes:
    """features (B, T, F), lengths (B,) -> as `Listening`; any batch and time."""
    example = (torch.randn(2, 200, model.encoder.num_features), torch.tensor([200, 133]))
    shapes = {"features": {0: FREE, 1: FREE}, "lengths": {0: FREE}}
    outputs = ["keys", "output_lengths", "values", *([] if model.head is None else ["log_probs"])]
    return traced(Listening(model), example, ["features", "lengths"], outputs, shapes)


def trace_speller(speller: Speller) -> bytes:
    """As `SpellerStep`; any number of hypotheses and encoded frames."""
    attention = speller.attention
    memory = attention.memory(torch.randn(1, 19, attention.output_dim), torch.tensor([19]))
    layers = torch.randn(3, len(speller.cells), speller.dim)
    weights = torch.rand(3, attention.heads, 19)
    example = (torch.tensor([0, 1, 1]), memory.keys, memory.values, layers, layers.clone(), torch.randn(3, attention.output_dim), weights)
    free: list[dict[int, object]] = [{0: FREE}, {2: FREE}, {2: FREE}, {0: FREE}, {0: FREE}, {0: FREE}, {0: FREE, 2: FREE}]
    return traced(SpellerStep(speller), example, INPUTS, OUTPUTS, dict(zip(INPUTS, free, strict=True)))
