"""The speller of Listen, Attend and Spell: an LSTM that writes token by token and looks at the sound before each."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.spellers.attention import Memory, SpellerAttention, no_weights
from tympan.tokens import BLANK

EDGE = BLANK  # begins and ends every text: CTC's blank has no other use here, so the token table stays that of CTC


class SpellerState(NamedTuple):
    """What a speller knows of the text so far.

    Attributes:
        hidden, cells: of each LSTM layer, (B, H) each.
        context: (B, D) that was last looked at.
        weights: (B, heads, T') with which it was.
    """

    hidden: tuple[torch.Tensor, ...]
    cells: tuple[torch.Tensor, ...]
    context: torch.Tensor
    weights: torch.Tensor


class Speller(nn.Module):
    """s = LSTM(s, embedding of the token before, context before); context = attention(s); logits = W (s, context) + b.

    Training:  logits = speller(encoded, lengths, targets)
    Search:    memory = speller.attention.memory(encoded, lengths); state = speller.start(B, memory)
               logits, state = speller.step(tokens, state, memory)      the first tokens are EDGE, and EDGE ends a text

    Args:
        encoder_dim: D of the encoded frames.
        num_tokens: V with blank, which stands for the beginning and for the end of a text.
        dim: units of each LSTM layer.
        layers: of the LSTM.
        embedding_dim: of a token.
        attention: "dot", "mlp" or "location"; see `SpellerAttention`.
        attention_dim, heads, filters, kernel: of the attention.
        dropout: on embedded tokens, between layers and before the output.

    Source: Chan et al. 2015, arXiv:1508.01211, equations 6 to 8; there tokens are one-hot and the last layer is an MLP of untold depth.
    """

    def __init__(
        self,
        encoder_dim: int,
        num_tokens: int,
        *,
        dim: int = 512,
        layers: int = 1,
        embedding_dim: int = 128,
        attention: str = "location",
        attention_dim: int = 256,
        heads: int = 1,
        filters: int = 10,
        kernel: int = 31,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(dim, layers, embedding_dim) < 1:
            raise ValueError(f"dim {dim}, layers {layers} and embedding_dim {embedding_dim} must be at least 1")
        self.num_tokens, self.dim = num_tokens, dim
        self.embedding = nn.Embedding(num_tokens, embedding_dim)
        self.cells = nn.ModuleList(nn.LSTMCell(dim if layer else embedding_dim + encoder_dim, dim) for layer in range(layers))
        self.attention = SpellerAttention(encoder_dim, dim, kind=attention, dim=attention_dim, heads=heads, filters=filters, kernel=kernel)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(dim + encoder_dim, num_tokens)

    def start(self, batch: int, memory: Memory) -> SpellerState:
        """The state before the first token."""
        zeros = memory.values.new_zeros(batch, self.dim)
        rows = (zeros,) * len(self.cells)
        return SpellerState(rows, rows, memory.values.new_zeros(batch, self.attention.output_dim), no_weights(batch, memory))

    def advance(self, embedded: torch.Tensor, state: SpellerState, memory: Memory) -> SpellerState:
        """The state after one more embedded token (B, E)."""
        hidden, cells = [], []
        x = torch.cat((embedded, state.context.to(embedded.dtype)), dim=1)
        for index, layer in enumerate(self.cells):
            h, c = layer(self.dropout(x) if index else x, (state.hidden[index], state.cells[index]))
            hidden.append(h)
            cells.append(c)
            x = h
        context, weights = self.attention(x, state.weights, memory)
        return SpellerState(tuple(hidden), tuple(cells), context, weights)

    def logits(self, read: torch.Tensor) -> torch.Tensor:
        """(..., H + D) of state and context -> (..., V)."""
        found: torch.Tensor = self.output(self.dropout(read))
        return found

    def step(self, tokens: torch.Tensor, state: SpellerState, memory: Memory) -> tuple[torch.Tensor, SpellerState]:
        """(B,) and the state before them -> logits (B, V) of what comes next, and the state after."""
        state = self.advance(self.dropout(self.embedding(tokens)), state, memory)
        return self.logits(seen(state)), state

    def forward(self, encoded: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor, sampling: float = 0.0) -> torch.Tensor:
        """Read the truth and say what comes next.

        Args:
            encoded: (B, T', D).
            lengths: (B,) valid frames.
            targets: (B, U) tokens, padded with anything that is a token.
            sampling: probability that in place of a token of the truth the speller reads one drawn from what it would have written there
                (Bengio et al. 2015, arXiv:1506.03099; no gradient flows through the draw).

        Returns:
            (B, U + 1, V) logits; row u, after the first u tokens, is to say token u, the last one that the text ends.
        """
        memory = self.attention.memory(encoded, lengths)
        state = self.start(len(targets), memory)
        embedded = self.dropout(self.embedding(F.pad(targets, (1, 0), value=EDGE))).unbind(1)
        drawn = torch.rand(targets.shape, device=targets.device) < sampling if sampling else None
        any_drawn = drawn.any(dim=0).tolist() if drawn is not None else []
        read: list[torch.Tensor] = []
        for index, own in enumerate(embedded):
            if drawn is not None and index and any_drawn[index - 1]:
                own = torch.where(drawn[:, index - 1, None], self.dropout(self.embedding(self.draw(read[-1]))), own)
            state = self.advance(own, state, memory)
            read.append(seen(state))
        return self.logits(torch.stack(read, dim=1))

    @torch.no_grad()
    def draw(self, read: torch.Tensor) -> torch.Tensor:
        """(B, H + D) -> (B,) tokens, drawn as probable as they are."""
        return torch.multinomial(self.logits(read).float().softmax(dim=1), 1)[:, 0]

    @torch.no_grad()
    def greedy(self, encoded: torch.Tensor, lengths: torch.Tensor, limits: torch.Tensor) -> list[list[int]]:
        """The most probable token at each step until the text ends, or has as many tokens as `limits` (B,) says."""
        memory = self.attention.memory(encoded, lengths)
        state = self.start(len(lengths), memory)
        tokens = torch.full_like(lengths, EDGE)
        going = limits > 0
        written: list[torch.Tensor] = []
        while going.any():
            logits, state = self.step(tokens, state, memory)
            tokens = logits.argmax(dim=1).where(going, EDGE)
            written.append(tokens)
            going = going & (tokens != EDGE) & (limits > len(written))
        rows = torch.stack(written, dim=1).tolist() if written else [[] for _ in lengths]
        return [[token for token in row if token != EDGE] for row in rows]


def seen(state: SpellerState) -> torch.Tensor:
    """(B, H + D): the top layer's state beside the context."""
    return torch.cat((state.hidden[-1], state.context.to(state.hidden[-1].dtype)), dim=1)
