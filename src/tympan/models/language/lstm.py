"""An LSTM over tokens that says what comes next."""

from __future__ import annotations

import torch
from torch import nn


class LSTMLanguageModel(nn.Module):
    """tokens, states -> log_probs of the next tokens, states.

    A state is one row of numbers, so that hypotheses of a beam can be picked, copied and dropped by indexing. Zeros are the state
    before a sentence.

    Args:
        num_tokens: V; index 0 stands for the beginning and the end of a sentence.
        embedding: values a token.
        hidden: values of a layer.
        layers: one after the other.
        dropout: of what goes into and comes out of the layers.
        tied: let the output layer share the embedding's weights (Press and Wolf 2017, arXiv:1608.05859); where `hidden` is not
            `embedding`, a projection stands before it.

    Raises:
        ValueError: a size below 1, or a dropout outside [0, 1).

    Source: Sundermeyer et al. 2012, LSTM Neural Networks for Language Modeling; dropout as Zaremba et al. 2014, arXiv:1409.2329.
    """

    def __init__(
        self, num_tokens: int, *, embedding: int = 192, hidden: int = 512, layers: int = 1, dropout: float = 0.1, tied: bool = True
    ) -> None:
        super().__init__()
        sizes = {"embedding": embedding, "hidden": hidden, "layers": layers}
        if wrong := [f"{name} is {size}, but must be at least 1" for name, size in sizes.items() if size < 1]:
            raise ValueError("; ".join(wrong))
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}, but must be at least 0 and below 1")
        self.num_tokens, self.layers, self.hidden = num_tokens, layers, hidden
        self.embedding = nn.Embedding(num_tokens, embedding)
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        width = embedding if tied else hidden
        self.projection = nn.Linear(hidden, width) if width != hidden else nn.Identity()
        self.output = nn.Linear(width, num_tokens)
        if tied:
            self.output.weight = self.embedding.weight

    @property
    def state_size(self) -> int:
        """S: cell and output of every layer."""
        return 2 * self.layers * self.hidden

    def start(self, batch: int) -> torch.Tensor:
        """(B, S): the states before B sentences."""
        return self.embedding.weight.new_zeros(batch, self.state_size)

    def forward(self, tokens: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, L) int64, (B, S) -> log_probs (B, L, V) of what follows each token, natural log, and the states after the last, (B, S)."""
        rows = states.reshape(-1, 2, self.layers, self.hidden).permute(1, 2, 0, 3).contiguous()  # (2, layers, B, H)
        x = self.dropout(self.embedding(tokens))  # (B, L, E)
        x, (output, cell) = self.lstm(x, (rows[0], rows[1]))  # (B, L, H), 2 x (layers, B, H)
        logits = self.output(self.projection(self.dropout(x)))  # (B, L, V)
        after = torch.stack((output, cell)).permute(2, 0, 1, 3).reshape(-1, self.state_size)  # (B, S)
        return logits.log_softmax(dim=-1), after
