"""What every encoder promises: features and lengths in, encoded frames and their lengths out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.past import Past

__all__ = ["Encoder", "Tap", "conv_length", "length_mask"]

Tap = Callable[[int, torch.Tensor], torch.Tensor]


class Encoder(nn.Module):
    """Base of the encoders.

    `forward(features, lengths)` maps (B, T, F) float32 and (B,) int64 to encoded (B, T', D) and lengths (B,) int64;
    frames past an utterance's length never change its result. `output_lengths` gives T' in closed form for any
    integer or integer tensor (SEED correction C1).

    Attributes:
        num_features: F.
        output_dim: D.
        chunked: whether `forward` takes `chunk_sizes`, so that the weights can learn to hear an utterance as it comes.
    """

    chunked = False

    num_features: int
    output_dim: int

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Number of encoded frames for `lengths` input frames, elementwise; 0 stays 0."""
        raise NotImplementedError

    def step(self, features: torch.Tensor, lengths: torch.Tensor, past: Past) -> tuple[torch.Tensor, torch.Tensor]:
        """The next chunk of an utterance: what `forward` with `chunk_sizes` of T' gives for these frames. Only if `chunked`.

        Args:
            features: (B, T, F), T a multiple of the subsampling's factor.
            lengths: (B,) int64, valid frames; fewer than T only at the utterance's end.
            past: of the chunks before; `past.after(T')` is what the next needs.
        """
        raise NotImplementedError

    def resolved(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The description `config`, which this encoder was built from, as a checkpoint keeps it: nothing of it lies elsewhere."""
        return dict(config)

    def after_step(self, step: int) -> None:
        """Called after each optimiser step with its number, from 1: constraints on weights are kept here; most have none."""


class ChunkedEncoder(Encoder):
    """An encoder whose `forward` and `step` are one: `encode`."""

    chunked = True

    def forward(
        self, features: torch.Tensor, lengths: torch.Tensor, *, chunk_sizes: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,).

        Args:
            chunk_sizes: (B,) encoded frames that are heard at a time, 0 for the whole utterance; None for whole utterances.
        """
        return self.encode(features, lengths, chunk_sizes=chunk_sizes)

    def step(self, features: torch.Tensor, lengths: torch.Tensor, past: Past) -> tuple[torch.Tensor, torch.Tensor]:
        return self.encode(features, lengths, past=past)

    def encode(
        self, features: torch.Tensor, lengths: torch.Tensor, *, chunk_sizes: torch.Tensor | None = None, past: Past | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward`, and with `past` `step`."""
        raise NotImplementedError
