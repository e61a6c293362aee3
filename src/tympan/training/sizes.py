"""Sizes of models that people ask for by a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tympan.errors import RecipeError

SizeName = Literal["tiny", "small", "base", "large"]


@dataclass(frozen=True)
class Size:
    """A Conformer and how much it has to hear.

    Attributes:
        dim, layers, heads, kernel, expansion, dropout: of the encoder.
        subsampling: input frames for an encoded frame.
        hours: of audio, all epochs together, that train it well where the corpus is large.
        learning_rate: peak of the one-cycle schedule.
    """

    dim: int
    layers: int
    heads: int
    kernel: int
    expansion: int
    dropout: float
    subsampling: int
    hours: float
    learning_rate: float


SIZES: Mapping[str, Size] = {
    "tiny": Size(96, 4, 4, 15, 2, 0.1, 8, 24, 1.5e-3),
    "small": Size(256, 6, 4, 15, 3, 0.15, 8, 1000, 1e-3),
    "base": Size(384, 12, 6, 31, 4, 0.1, 8, 5000, 8e-4),
    "large": Size(512, 17, 8, 31, 4, 0.1, 8, 20_000, 6e-4),
}


def size_of(name: str) -> Size:
    """The size of that name; RecipeError tells which there are."""
    if name not in SIZES:
        raise RecipeError(f"There is no size {name!r}.", f"Choose one of {', '.join(get_args(SizeName))}.")
    return SIZES[name]
