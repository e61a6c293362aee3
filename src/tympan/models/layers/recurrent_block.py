"""The recurrent block of the two CRNNs from the AssemblyAI family: LayerNorm - activation - BiGRU - dropout."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.heads.ctc import activation_layer
from tympan.models.layers.bidirectional_gru import BidirectionalGRU
from tympan.models.layers.dropout import Dropout


class RecurrentBlock(nn.Module):
    """(B, T, D) -> (B, T, 2 * hidden).

    Args:
        dim: D.
        hidden: units of each direction.
        activation: "gelu" or "relu", before the GRU.
        dropout: after the GRU.
        batch_as_time: runs the GRU along the axis of the batch, so that each utterance is a function of its
            neighbours. This is the published fault `batch_first=(i == 0)` (SEED correction C3), kept for faithful
            reproductions; `lengths` must then be None.
    """

    def __init__(self, dim: int, hidden: int, *, activation: str, dropout: float, batch_as_time: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.activation = activation_layer(activation)
        self.gru = BidirectionalGRU(dim, hidden)
        self.dropout = Dropout(dropout)
        self.batch_as_time = batch_as_time

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """(B, T, D) and the valid lengths (B,), or None to read padding as speech, -> (B, T, 2 * hidden)."""
        x = self.activation(self.norm(x))
        x = self.gru(x.transpose(0, 1), None).transpose(0, 1) if self.batch_as_time else self.gru(x, lengths)
        dropped: torch.Tensor = self.dropout(x)
        return dropped
