"""The joiner: an encoded frame and a predicted vector to the logits of the next token."""

from __future__ import annotations

import torch
from torch import nn


class Joiner(nn.Module):
    """tanh(W_e e + W_p p + b), dropout, Linear to V.

    A joiner that concatenates e and p before one Linear is the same function: its matrix is W_e beside W_p.

    Args:
        encoder_dim: D of the encoder.
        predictor_dim: P of the predictor.
        num_tokens: V with blank.
        dim: in between.
        dropout: before the last Linear.
    """

    def __init__(self, encoder_dim: int, predictor_dim: int, num_tokens: int, *, dim: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(f"dim {dim} must be at least 1")
        self.num_tokens = num_tokens
        self.encoder_projection = nn.Linear(encoder_dim, dim)
        self.predictor_projection = nn.Linear(predictor_dim, dim, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(dim, num_tokens)

    def forward(self, encoded: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """(..., D) and (..., P), broadcast against each other after the projections -> logits (..., V)."""
        joined = torch.tanh(self.encoder_projection(encoded) + self.predictor_projection(predicted))
        logits: torch.Tensor = self.output(self.dropout(joined))
        return logits

    def log_probs(self, encoded: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """As `forward`, normalised, in float32 whatever the autocast."""
        return torch.log_softmax(self(encoded, predicted).float(), dim=-1)
