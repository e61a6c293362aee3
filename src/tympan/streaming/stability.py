"""Which words of a partial will never change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

SpelledWord: TypeAlias = "tuple[str, tuple[int, ...]]"
"""A word and its tokens."""


class Stability:
    """Counts how long each leading word stands.

    Args:
        frames: a word that stood that many frames is stable, and all before it.

    Attributes:
        stable: the words that never change.
        words: those that are shown.
        shown, retracted: words that were shown, and those of them that changed afterwards; their share says how restless partials are.
    """

    def __init__(self, frames: float) -> None:
        self.frames = frames
        self.shown = self.retracted = 0
        self.begin()

    def begin(self, stable: tuple[SpelledWord, ...] = ()) -> None:
        """The next piece, whose first words may be known."""
        self.stable: tuple[SpelledWord, ...] = stable
        self.words: tuple[SpelledWord, ...] = stable
        self.since: list[int] = [0] * len(stable)  # frame at which each word came to stand

    def divide(self, count: int) -> tuple[SpelledWord, ...]:
        """Let the piece have that many words; gives the stable ones of those after them."""
        after = self.stable[count:]
        self.stable, self.words, self.since = self.stable[:count], self.words[:count], self.since[:count]
        return after

    def update(self, best: Sequence[SpelledWord], frame: int, *, finished: bool = True) -> None:
        """The best words after `frame` frames; shown are the stable ones, and the best ones if they agree with these.

        Args:
            best: the words.
            frame: that were heard.
            finished: whether the last word is; one that is not cannot be stable.
        """
        words = tuple(best) if shared(best, self.stable) == len(self.stable) else self.stable
        same = shared(words, self.words)
        self.retracted += len(self.words) - same
        self.shown += len(words) - same
        self.since = self.since[:same] + [frame] * (len(words) - same)
        self.words = words
        stands = sum(1 for since in self.since if frame - since >= self.frames)  # words came to stand in order
        stands = min(stands, max(len(self.stable), len(words) - (not finished)))
        if stands > len(self.stable):
            self.stable = words[:stands]

    def close(self, final: Sequence[str]) -> None:
        """The piece ended with these words."""
        kept = [text for text, _ in self.words]
        same = next(
            (index for index, (ours, theirs) in enumerate(zip(kept, final, strict=False)) if ours != theirs), min(len(kept), len(final))
        )
        self.retracted += len(kept) - same


def shared(words: Sequence[SpelledWord], others: Sequence[SpelledWord]) -> int:
    """Leading words with the same text."""
    for index, (ours, theirs) in enumerate(zip(words, others, strict=False)):
        if ours[0] != theirs[0]:
            return index
    return min(len(words), len(others))
