"""A predictor that remembers only the last tokens."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.predictors.predictor import Predictor, State
from tympan.tokens import BLANK


class StatelessPredictor(Predictor):
    """Embedding, a convolution over the last `context` tokens in groups of 4 channels without bias, ReLU.

    Where fewer tokens are there, blanks stand in their place.

    Args:
        num_tokens: V with blank.
        dim: of the embedding and the output, a multiple of 4.
        context: tokens that it sees, 1 or more. With 1 there is no convolution.
        dropout: on the embedding.

    Source: Ghodsi et al. 2020, RNN-transducer with stateless prediction network; the convolution as in k2-fsa/icefall.
    """

    num_states = 1

    def __init__(self, num_tokens: int, *, dim: int = 512, context: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        if context < 1 or dim < 4 or dim % 4:
            raise ValueError(f"context {context} must be at least 1 and dim {dim} a multiple of 4")
        self.output_dim = dim
        self.context = context
        self.embedding = nn.Embedding(num_tokens, dim)
        self.dropout = nn.Dropout(dropout)
        self.conv = nn.Conv1d(dim, dim, context, groups=dim // 4, bias=False) if context > 1 else None

    def forward(self, targets: torch.Tensor) -> torch.Tensor:
        """(B, U) -> (B, U + 1, P)."""
        return self.seen(F.pad(targets, (self.context, 0), value=BLANK))

    def start(self, batch: int) -> State:
        """(B, context - 1) blanks."""
        return (torch.full((batch, self.context - 1), BLANK, dtype=torch.int64, device=self.embedding.weight.device),)

    def step(self, tokens: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """(B,), (B, context - 1) -> (B, P), and the state with the token in and the oldest one out."""
        seen = torch.cat((state[0], tokens[:, None]), dim=1)
        return self.seen(seen)[:, 0], (seen[:, 1:],)

    def seen(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, context - 1 + n) -> (B, n, P)."""
        x: torch.Tensor = self.dropout(self.embedding(tokens))
        if self.conv is not None:
            x = self.conv(x.transpose(1, 2)).transpose(1, 2)  # (B, context - 1 + n, P) -> (B, n, P)
        return F.relu(x)
