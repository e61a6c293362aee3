"""An LSTM layer for processors: torch's own on padded batches, each direction by itself.

oneDNN, which is behind it there, knows no packed batches; torch then reads them by small products, thirty times slower.
"""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.gru import backwards


def lstm(layer: nn.LSTM, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Run a layer over the valid frames of each utterance, in the precision of autocast.

    Args:
        layer: one layer, with biases, one or two directions.
        x: (B, T, D).
        lengths: (B,) int64, valid frames; the second direction starts at each utterance's own last one.

    Returns:
        (B, T, directions * H) in the precision of x, anything past the lengths.
    """
    found = [run(layer, "", x)]
    if layer.bidirectional:
        flip = backwards(lengths, x.shape[1])[:, :, None]
        mirrored = run(layer, "_reverse", x.gather(1, flip.expand(x.shape)))
        found.append(mirrored.gather(1, flip.expand(mirrored.shape)))
    return torch.cat(found, 2).to(x.dtype)


def run(layer: nn.LSTM, suffix: str, x: torch.Tensor) -> torch.Tensor:
    """(B, T, D) -> (B, T, H) of one direction."""
    weights = [getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    zeros = x.new_zeros(1, x.shape[0], layer.hidden_size)
    y: torch.Tensor = torch.lstm(x, (zeros, zeros), weights, True, 1, 0.0, layer.training, False, True)[0]
    return y
