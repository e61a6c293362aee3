"""Self-attention with relative positions as in Transformer-XL."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.dropout import Dropout
from tympan.models.layers.past import Past, attend


class RelativeAttention(nn.Module):
    """LayerNorm - multi-head self-attention whose scores also hold how far key and query stand apart - dropout.

    score(i, j) = ((q_i + u) . k_j + (q_i + v) . W r_{i - j}) / sqrt(D / heads), r a sinusoid of the distance, u and v learnt.

    Source: Dai et al. 2019, arXiv:1901.02860, section 3.3, equation of A^rel; as in Gulati et al. 2020, arXiv:2005.08100.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"dim {dim} is not a multiple of {heads} heads")
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.distance = nn.Linear(dim, dim, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(heads, 1, dim // heads))
        self.distance_bias = nn.Parameter(torch.zeros(heads, 1, dim // heads))
        self.out = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor, distances: torch.Tensor, past: Past | None = None) -> torch.Tensor:
        """Attend.

        Args:
            x: (B, T, D).
            bias: added to the scores, (B, 1, 1 or T, T), with a past (B, 1, 1, L + T): far below 0 where a key is not to be seen.
            distances: (2 T - 1, D), with a past (L + 2 T - 1, D): `position_tables("relative", ...)`.
            past: of an utterance in chunks.
        """
        q, k, v = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, H, T, D/H)
        far = self.distance(distances.to(x.dtype)).unflatten(1, (self.heads, -1)).transpose(0, 1)  # (H, L + 2 T - 1, D/H)
        scale = q.shape[-1] ** -0.5
        scores = ((q + self.distance_bias) * scale) @ far.transpose(-1, -2)  # (B, H, T, L + 2 T - 1)
        if past is None:
            position = by_distance(scores)
        else:
            frames = q.shape[2]
            near = by_distance(scores[..., scores.shape[3] - (2 * frames - 1) :])
            farthest = scores.shape[3] - frames  # the distance of the first column
            index = (farthest - past.distances(frames))[:, None].expand(-1, self.heads, -1, -1)
            position = torch.cat((scores.gather(3, index), near), dim=3)  # (B, H, T, L + T)
        context = attend((q + self.content_bias) * scale, k, v, position.float() + bias, past)
        context = context.transpose(1, 2).flatten(2)  # (B, H, T, D/H) -> (B, T, D)
        attended: torch.Tensor = self.dropout(self.out(context))
        return attended


def by_distance(scores: torch.Tensor) -> torch.Tensor:
    """(B, H, T, 2 T - 1), last axis the distances T - 1 .. 1 - T, -> (B, H, T, T) whose element i, j is that of i - j.

    Row i has to be shifted by T - 1 - i: with one more column before it, the rows read as rows of T begin there (appendix B).
    """
    frames = scores.shape[2]
    padded = nn.functional.pad(scores, (1, 0)).flatten(2)  # (B, H, T 2 T)
    rows = padded.reshape(*padded.shape[:2], -1, frames)[:, :, 1:].flatten(2)  # (B, H, (2 T - 1) T)
    shifted: torch.Tensor = rows.reshape(*rows.shape[:2], frames, -1)[..., :frames]
    return shifted
