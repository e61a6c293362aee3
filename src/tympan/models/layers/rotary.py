"""Rotary position embedding."""

from __future__ import annotations

import torch


def rotary_tables(frames: int, dim: int, device: torch.device, base: float = 10000.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines (frames, dim / 2) of the angles position * base^(-2 i / dim).

    Source: Su et al. 2021, arXiv:2104.09864, equation 15.
    """
    inverse = base ** (-torch.arange(0, dim, 2, device=device, dtype=torch.float32) / dim)
    angles = torch.arange(frames, device=device, dtype=torch.float32)[:, None] * inverse[None, :]
    return angles.cos(), angles.sin()


def rotary_tables_at(positions: torch.Tensor, dim: int, base: float = 10000.0) -> tuple[torch.Tensor, torch.Tensor]:
    """As `rotary_tables`, at positions (B, T) int64 -> (B, 1, T, dim / 2) each; exact after hours too, where float32 angles are not."""
    inverse = base ** (-torch.arange(0, dim, 2, device=positions.device, dtype=torch.float32) / dim)
    angles = positions[:, None, :, None].double() * inverse.double()
    return angles.cos().float(), angles.sin().float()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn the pairs (x[..., i], x[..., i + dim / 2]) of x (B, H, T, dim) by their position's angle."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1).to(x.dtype)
