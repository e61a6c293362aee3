"""Arithmetic of lengths: what a convolution leaves of them, and which frames of a padded batch are valid."""

from __future__ import annotations

import torch


def conv_length(lengths: torch.Tensor, kernel: int, stride: int, padding: int) -> torch.Tensor:
    """Frames that a convolution gives: floor((T + 2p - k) / s) + 1, and 0 for an empty input (SEED correction C1)."""
    frames = torch.div(lengths + 2 * padding - kernel, stride, rounding_mode="floor") + 1
    return torch.where(lengths > 0, frames.clamp(min=0), torch.zeros_like(frames))


def length_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """(B, T) bool, True where a frame is valid."""
    return torch.arange(frames, device=lengths.device)[None, :] < lengths[:, None]
