"""Which words of a partial are shown, and which will never change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

SpelledWord: TypeAlias = "tuple[str, tuple[int, ...]]"
"""A word and its tokens."""


class Stability:
    """Counts how long each leading word stands.

    Args:
        frames: a word that stood that many frames is stable, and all before it.
        steady: a word that stood that many frames is shown; the first of a piece is shown at once.

    Attributes:
        stable: the words that never change.
        words: those that are shown.
        best: those that are known; the last of them may not be shown yet.
        shown, retracted: words that were shown, and those of them that changed afterwards; their share says how restless partials are.
    """

    def __init__(self, frames: float, steady: float = 0) -> None:
        self.frames = frames
        self.steady = steady
        self.shown = self.retracted = 0
        self.begin()

    def begin(self, stable: tuple[SpelledWord, ...] = ()) -> None:
        """The next piece, whose first words may be known."""
        self.stable: tuple[SpelledWord, ...] = stable
        self.words = self.best = stable
        self.since: list[int] = [0] * len(stable)  # frame at which each of the best came to stand

    def divide(self, count: int) -> tuple[SpelledWord, ...]:
        """Let the piece have that many words; gives the stable ones of those after them."""
        after = self.stable[count:]
        self.stable, self.words, self.best, self.since = self.stable[:count], self.words[:count], self.best[:count], self.since[:count]
        return after

    def update(self, best: Sequence[SpelledWord], frame: int, *, finished: bool = True) -> None:
        """The best words after `frame` frames; shown are the stable ones, and the best ones if they agree with these.

        Args:
            best: the words.
            frame: that were heard.
            finished: whether the last word is; one that is not cannot be stable.
        """
        known = tuple(best) if shared(best, self.stable) == len(self.stable) else self.stable
        same = shared(known, self.best)
        self.since = self.since[:same] + [frame] * (len(known) - same)
        self.best = known
        words = known[: max(1, self.standing(frame, self.steady))]
        same = shared(words, self.words)
        self.retracted += len(self.words) - same
        self.shown += len(words) - same
        self.words = words
        stands = min(self.standing(frame, self.frames), max(len(self.stable), len(known) - (not finished)))
        if stands > len(self.stable):
            self.stable = known[:stands]

    def standing(self, frame: int, frames: float) -> int:
        """Leading words that stood that many frames; words came to stand in order."""
        return sum(1 for since in self.since if frame - since >= frames)

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
