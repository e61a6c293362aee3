"""The feed-forward layer of Transformers."""

from __future__ import annotations

from torch import nn

from tympan.models.layers.dropout import Dropout


class FeedForward(nn.Sequential):
    """LayerNorm - Linear - activation - Linear, with dropout."""

    def __init__(self, dim: int, hidden: int, dropout: float, activation: type[nn.Module] = nn.SiLU) -> None:
        super().__init__(
            nn.LayerNorm(dim), nn.Linear(dim, hidden), activation(), Dropout(dropout), nn.Linear(hidden, dim), Dropout(dropout)
        )
