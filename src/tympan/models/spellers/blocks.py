"""The windows of encoded frames that a speller sees which hears block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional as F

from tympan.models.spellers.attention import Memory


@dataclass(frozen=True)
class Blocks:
    """How an utterance is cut.

    Attributes:
        frames: encoded frames of a block; the last one of an utterance may have fewer.
        back: encoded frames before it that can be looked at too.
        tokens: that a block can have, at most.

    Raises:
        ValueError: a number is too small.
    """

    frames: int = 8
    back: int = 8
    tokens: int = 12

    def __post_init__(self) -> None:
        if self.frames < 1 or self.back < 0 or self.tokens < 1:
            raise ValueError(f"frames {self.frames} and tokens {self.tokens} must be at least 1, back {self.back} at least 0")

    def count(self, lengths: torch.Tensor) -> torch.Tensor:
        """Blocks of utterances of `lengths` encoded frames, elementwise."""
        return (lengths + self.frames - 1) // self.frames


class Window(NamedTuple):
    """What rows of texts see in their blocks, W frames each: as `Memory`, with something hidden.

    Attributes:
        keys: (..., H, W, A).
        values: (..., H, W, E).
        hidden: (..., 1, W) bool.
    """

    keys: torch.Tensor
    values: torch.Tensor
    hidden: torch.Tensor

    def memory(self) -> Memory:
        """The same for an attention."""
        return Memory(*self)

    def of(self, rows: torch.Tensor) -> Window:
        """Some of the rows."""
        return Window(self.keys[rows], self.values[rows], self.hidden[rows])


class Windows:
    """A memory block by block.

    memory = windows.at(utterances, blocks)       a window for each row

    Args:
        memory: of B utterances, T' frames.
        blocks: how they are cut.
    """

    def __init__(self, memory: Memory, blocks: Blocks) -> None:
        assert memory.hidden is not None
        frames = memory.keys.shape[2]
        padding = (blocks.back, -frames % blocks.frames)
        width = blocks.back + blocks.frames
        self.keys, self.values = (
            F.pad(part, (0, 0, *padding)).unfold(2, width, blocks.frames).permute(0, 2, 1, 4, 3) for part in memory[:2]
        )  # (B, N, H, W, A), (B, N, H, W, E)
        self.hidden = F.pad(memory.hidden, padding, value=True).unfold(2, width, blocks.frames).transpose(1, 2)  # (B, N, 1, W)

    def at(self, utterances: torch.Tensor, blocks: torch.Tensor) -> Window:
        """The windows of some blocks of some utterances: two tensors of one shape (...)."""
        return Window(self.keys[utterances, blocks], self.values[utterances, blocks], self.hidden[utterances, blocks])
