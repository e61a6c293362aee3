"""What every encoder promises: features and lengths in, encoded frames and their lengths out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

Tap = Callable[[int, torch.Tensor], torch.Tensor]


class Encoder(nn.Module):
    """Base of the encoders.

    `forward(features, lengths)` maps (B, T, F) float32 and (B,) int64 to encoded (B, T', D) and lengths (B,) int64;
    frames past an utterance's length never change its result. `output_lengths` gives T' in closed form for any
    integer or integer tensor (SEED correction C1).

    Attributes:
        num_features: F.
        output_dim: D.
    """

    num_features: int
    output_dim: int

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Number of encoded frames for `lengths` input frames, elementwise; 0 stays 0."""
        raise NotImplementedError


def conv_length(lengths: torch.Tensor, kernel: int, stride: int, padding: int) -> torch.Tensor:
    """Frames that a convolution gives: floor((T + 2p - k) / s) + 1, and 0 for an empty input (SEED correction C1)."""
    frames = torch.div(lengths + 2 * padding - kernel, stride, rounding_mode="floor") + 1
    return torch.where(lengths > 0, frames.clamp(min=0), torch.zeros_like(frames))


def length_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """(B, T) bool, True where a frame is valid."""
    return torch.arange(frames, device=lengths.device)[None, :] < lengths[:, None]
