"""A predictor that remembers all tokens, as published."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.predictors.predictor import Predictor, State
from tympan.tokens import BLANK


class LSTMPredictor(Predictor):
    """Embedding and LSTM layers.

    Args:
        num_tokens: V with blank.
        embedding_dim: of the embedding.
        dim: units of each layer, and P.
        layers: LSTM layers.
        dropout: on the embedding and between layers.

    Source: Graves 2012, arXiv:1211.3711, section 2.1; there the input is one-hot and the blank's a vector of zeros.
    """

    num_states = 2

    def __init__(self, num_tokens: int, *, embedding_dim: int = 128, dim: int = 320, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        if min(embedding_dim, dim, layers) < 1:
            raise ValueError(f"embedding_dim {embedding_dim}, dim {dim} and layers {layers} must be at least 1")
        self.output_dim = dim
        self.embedding = nn.Embedding(num_tokens, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding_dim, dim, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)

    def forward(self, targets: torch.Tensor) -> torch.Tensor:
        """(B, U) -> (B, U + 1, P)."""
        x = self.dropout(self.embedding(F.pad(targets, (1, 0), value=BLANK)))
        predicted: torch.Tensor = self.lstm(x)[0]
        return predicted

    def start(self, batch: int) -> State:
        """Hidden and cell state (B, layers, P) of zeros."""
        zeros = self.embedding.weight.new_zeros(batch, self.lstm.num_layers, self.output_dim)
        return zeros, zeros

    def step(self, tokens: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """(B,), two (B, layers, P) -> (B, P) and the next state."""
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)
        predicted, after = self.lstm(self.dropout(self.embedding(tokens[:, None])), (hidden, cell))
        return predicted[:, 0], tuple(part.transpose(0, 1) for part in after)
