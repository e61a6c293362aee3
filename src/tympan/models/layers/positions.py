"""Where frames stand: the tables that attention layers need for a number of frames."""

from __future__ import annotations

import torch

from tympan.models.layers.rotary import rotary_tables

POSITIONS = ("relative", "rotary")
Tables = tuple[torch.Tensor, ...]


def position_tables(kind: str, frames: int, dim: int, heads: int, device: torch.device) -> Tables:
    """What `attention_layer(kind, ...)` takes for T frames.

    Returns:
        rotary: cosines and sines (T, D / heads / 2). relative: one sinusoid a distance (2 T - 1, D), from T - 1 down to 1 - T.
    """
    if kind == "rotary":
        return rotary_tables(frames, dim // heads, device)
    return (sinusoids(torch.arange(frames - 1, -frames, -1, device=device), dim),)


def sinusoids(positions: torch.Tensor, dim: int) -> torch.Tensor:
    """(N,) positions -> (N, D): sin(p w) and cos(p w) in turn, w = 10000^(-2 i / D).

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    inverse = 10000.0 ** (-torch.arange(0, dim, 2, device=positions.device, dtype=torch.float32) / dim)
    angles = positions[:, None].float() * inverse[None, :]
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, :dim]
