"""Self-attention with rotary positions."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.dropout import Dropout
from tympan.models.layers.past import Past, attend
from tympan.models.layers.rotary import rotate


class RotaryAttention(nn.Module):
    """LayerNorm - multi-head self-attention over the valid frames of each utterance - dropout; dim a multiple of 2 x heads."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if heads < 1 or dim % (2 * heads):
            raise ValueError(f"dim {dim} is not a multiple of 2 x {heads} heads, which rotary positions need")
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, past: Past | None = None) -> torch.Tensor:
        """Attend.

        Args:
            x: (B, T, D).
            bias: added to the scores, (B, 1, 1 or T, T), with a past (B, 1, 1, L + T): far below 0 where a key is not to be seen.
            cos, sin: (T, D / H / 2), with a past (B, 1, T, D / H / 2): `position_tables("rotary", ...)`.
            past: of an utterance in chunks. The keys that it keeps are rotated already.
        """
        qkv = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, T, D/H)
        q, k, v = rotate(qkv[0], cos, sin), rotate(qkv[1], cos, sin), qkv[2]
        context = attend(q * q.shape[-1] ** -0.5, k, v, bias, past).transpose(1, 2).flatten(2)  # (B, H, T, D/H) -> (B, T, D)
        attended: torch.Tensor = self.dropout(self.out(context))
        return attended
