"""Where a speller looks: for each encoded frame a weight, from what was written and, if it likes, from where it looked before."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from tympan.models.layers.lengths import length_mask

KINDS = ("dot", "mlp", "location")


class Memory(NamedTuple):
    """An utterance as a speller sees it, computed once.

    Attributes:
        keys: (B, H, T', A), what queries are compared with.
        values: (B, H, T', E), of which the context is a mean; zero past the lengths.
        hidden: (B, 1, T') bool, True past the lengths; None where all frames are valid.
    """

    keys: torch.Tensor
    values: torch.Tensor
    hidden: torch.Tensor | None


class SpellerAttention(nn.Module):
    """A mean of encoded frames, weighted by softmax over time of

        dot       tanh(W s + a) . tanh(V h_t + b)
        mlp       w . tanh(W s + V h_t + b)
        location  w . tanh(W s + V h_t + U f_t + b)        f = convolution of the weights of the step before

    for the speller's state s and each encoded frame h_t. With several heads each has a slice of W, V and w of its own, and reads a
    projection of the frames in place of the frames.

    Args:
        encoder_dim: D of the encoded frames.
        query_dim: of s.
        kind: "dot", "mlp" or "location".
        dim: A of all heads together.
        heads: looks at a time.
        filters, kernel: of the convolution; no effect on other kinds than "location". The kernel is in encoded frames, and odd.

    Source: "dot" Chan et al. 2015, arXiv:1508.01211, equations 9 to 11, where two MLPs of untold depth make the vectors; "mlp" Bahdanau
    et al. 2014, arXiv:1409.0473; "location" Chorowski et al. 2015, arXiv:1506.07503, equations 8 and 9; heads Chiu et al. 2017,
    arXiv:1712.01769, section 2.2.2.
    """

    def __init__(
        self,
        encoder_dim: int,
        query_dim: int,
        *,
        kind: str = "location",
        dim: int = 256,
        heads: int = 1,
        filters: int = 10,
        kernel: int = 31,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"attention {kind!r} is none of {', '.join(KINDS)}")
        if heads < 1 or dim < 1 or dim % heads or encoder_dim % heads:
            raise ValueError(f"attention_dim {dim} and the encoder's {encoder_dim} must be multiples of heads {heads}, which is at least 1")
        if filters < 1 or kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"filters {filters} must be at least 1, and kernel {kernel} odd")
        self.kind, self.heads = kind, heads
        self.output_dim = encoder_dim
        self.query = nn.Linear(query_dim, dim, bias=kind == "dot")
        self.key = nn.Linear(encoder_dim, dim)
        self.value = nn.Linear(encoder_dim, encoder_dim, bias=False) if heads > 1 else None
        self.energy = nn.Parameter(torch.empty(heads, dim // heads).uniform_(-1, 1) * (heads / dim) ** 0.5) if kind != "dot" else None
        self.conv = nn.Conv1d(1, filters, kernel, padding=kernel // 2, bias=False) if kind == "location" else None
        self.place = nn.Linear(filters, dim // heads, bias=False) if kind == "location" else None

    def memory(self, encoded: torch.Tensor, lengths: torch.Tensor) -> Memory:
        """(B, T', D), (B,) -> what `forward` looks at."""
        hidden = ~length_mask(lengths, encoded.shape[1])
        encoded = encoded.masked_fill(hidden[..., None], 0.0)
        keys = self.key(encoded)
        keys = torch.tanh(keys) if self.kind == "dot" else keys
        values = encoded if self.value is None else self.value(encoded)
        return Memory(self.split(keys), self.split(values), hidden[:, None])

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T', H A) -> (B, H, T', A)."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(self, state: torch.Tensor, before: torch.Tensor, memory: Memory) -> tuple[torch.Tensor, torch.Tensor]:
        """Look once.

        Args:
            state: (B, S) of the speller.
            before: (B, H, T') weights of the step before, zeros for the first.
            memory: of B utterances, or of one that all rows look at.

        Returns:
            The context (B, D) and the weights (B, H, T'), zero past the lengths; each row of an utterance with frames sums to 1.
        """
        energies = self.energies(self.query(state).unflatten(1, (self.heads, -1)), before, memory.keys)  # (B, H, T')
        if memory.hidden is not None:
            energies = energies.masked_fill(memory.hidden, torch.finfo(energies.dtype).min)
        weights = energies.softmax(dim=2, dtype=torch.promote_types(energies.dtype, torch.float32))
        context = (weights.to(memory.values.dtype)[:, :, None] @ memory.values).flatten(1)  # (B, H, 1, E) -> (B, D)
        return context, weights

    def energies(self, queries: torch.Tensor, before: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """(B, H, A), (B, H, T'), (B, H, T', A) -> (B, H, T')."""
        if self.energy is None:
            return (keys @ torch.tanh(queries)[..., None])[..., 0]
        x = keys + queries[:, :, None]
        if self.conv is not None and self.place is not None:
            found = self.conv(before.to(x.dtype).flatten(0, 1)[:, None])  # (B H, filters, T')
            x = x + self.place(found.transpose(1, 2)).unflatten(0, (-1, self.heads))
        return (torch.tanh(x) @ self.energy[:, :, None])[..., 0]


def no_weights(batch: int, memory: Memory) -> torch.Tensor:
    """(B, H, T') of zeros: nothing was looked at."""
    _, heads, frames, _ = memory.keys.shape
    return memory.keys.new_zeros(batch, heads, frames)
