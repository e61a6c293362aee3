"""The pieces of a stream that are done: told once, and remembered for the transcript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tympan.errors import TympanError
from tympan.streaming.events import Final, Reason
from tympan.transcript import Segment, Transcript, Word

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer


class Finished:
    """What a stream has said for good.

    Args:
        recognizer: of the stream.
        keep: remember the pieces for `transcript`; without it an endless stream needs no more memory.

    Attributes:
        open: whether the stream takes more audio.
    """

    def __init__(self, recognizer: Recognizer, *, keep: bool) -> None:
        self.language = recognizer.bundle.language or None
        self.keep = keep
        self.open = True
        self.number = 0
        self.waiting: list[Final] = []
        self.kept: list[Segment] = []
        self.fired: dict[str, int] = dict.fromkeys(recognizer.search.hot_words, 0)

    def add(self, words: tuple[Word, ...], reason: Reason, hot_words: Mapping[str, int]) -> None:
        """A piece that ended; nobody is told of one without words."""
        for word, count in hot_words.items():
            self.fired[word] = self.fired.get(word, 0) + count
        if not words:
            return
        segment = Segment(" ".join(word.text for word in words), words[0].start, words[-1].end, words)
        self.waiting.append(Final(self.number, segment, reason))
        self.number += 1
        if self.keep:
            self.kept.append(segment)

    def take(self) -> list[Final]:
        """Those since the last call."""
        done, self.waiting = self.waiting, []
        return done

    def close(self, seconds: float) -> Transcript:
        """The stream ended after so much audio; all of it that was kept."""
        self.open = False
        text = " ".join(segment.text for segment in self.kept)
        return Transcript(text=text, segments=tuple(self.kept), duration=seconds, language=self.language, hot_words=dict(self.fired))

    def check_open(self) -> None:
        """TympanError if the stream is finished."""
        if not self.open:
            raise TympanError("This stream is finished and takes no more audio.", "Begin another: recognizer.stream().")
