"""Self-attention with a kind of positions, and what it may see."""

from __future__ import annotations

import torch

from tympan.models.layers.chunks import Chunks
from tympan.models.layers.past import Past
from tympan.models.layers.positions import POSITIONS
from tympan.models.layers.relative_attention import RelativeAttention
from tympan.models.layers.rotary_attention import RotaryAttention

UNSEEN = -1e9  # finite: an utterance of no frames must not give NaN


def attention_layer(positions: str, dim: int, heads: int, dropout: float) -> RelativeAttention | RotaryAttention:
    """The layer for that kind of positions, called as layer(x, attention_bias(...), *position_tables(positions, ...))."""
    if positions not in POSITIONS:
        raise ValueError(f"positions {positions!r} is none of {', '.join(POSITIONS)}")
    return RotaryAttention(dim, heads, dropout) if positions == "rotary" else RelativeAttention(dim, heads, dropout)


def attention_bias(mask: torch.Tensor, chunks: Chunks | None, left: int, past: Past | None = None) -> torch.Tensor:
    """(B, T) valid frames -> (B, 1, 1 or T, T), 0 where a key may be seen; with `chunks`, to a chunk's end and `left` before it.

    With `past`, (B, 1, 1, L + T): first the slots of its memory.
    """
    if past is not None:
        visible = torch.cat((past.remembers(), mask), dim=1)[:, None, :]
    else:
        visible = mask[:, None, :] if chunks is None else mask[:, None, :] & chunks.visible(left)
    return torch.where(visible, 0.0, UNSEEN)[:, None]
