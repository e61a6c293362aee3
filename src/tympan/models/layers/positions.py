"""Where frames stand: the tables that attention layers need for a number of frames."""

from __future__ import annotations

import torch

from tympan.models.layers.past import Past
from tympan.models.layers.rotary import rotary_tables, rotary_tables_at

POSITIONS = ("relative", "rotary")
Tables = tuple[torch.Tensor, ...]


def position_tables(kind: str, frames: int, dim: int, heads: int, device: torch.device, past: Past | None = None) -> Tables:
    """What `attention_layer(kind, ...)` takes for T frames.

    Returns:
        rotary: cosines and sines (T, D / heads / 2), with a past (B, 1, T, D / heads / 2). relative: one sinusoid a distance
        (L + 2 T - 1, D), from L + T - 1 down to 1 - T; L is 0 without a past.
    """
    if kind == "rotary" and past is not None:
        return rotary_tables_at(past.positions(frames), dim // heads)
    if kind == "rotary":
        return rotary_tables(frames, dim // heads, device)
    farthest = frames - 1 if past is None else past.before.left + frames - 1
    return (sinusoids(torch.arange(farthest, -frames, -1, device=device), dim),)


def sinusoids(positions: torch.Tensor, dim: int) -> torch.Tensor:
    """(N,) positions -> (N, D): sin(p w) and cos(p w) in turn, w = 10000^(-2 i / D).

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    inverse = 10000.0 ** (-torch.arange(0, dim, 2, device=positions.device, dtype=torch.float32) / dim)
    angles = positions[:, None].float() * inverse[None, :]
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, :dim]
