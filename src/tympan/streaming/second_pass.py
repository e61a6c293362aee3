"""A piece that was heard in chunks, heard whole when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tympan.decoding import Hypothesis
from tympan.streaming.hearing import ChunkHearing

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer


class SecondPass:
    """The same weights with all of the piece before them (two passes: arXiv:2012.05481, 3.1), searched as a file is.

    Args:
        recognizer: of the stream.
        hearing: of the stream, at its beginning; it keeps the features of the piece under way.
    """

    def __init__(self, recognizer: Recognizer, hearing: ChunkHearing) -> None:
        self.recognizer = recognizer
        self.hearing = hearing
        hearing.keep_features()
        self.hops = round(recognizer.bundle.frame_shift_s / recognizer.extractor.frame_shift_s)

    def __call__(self, frames: int, *, wanted: bool) -> Hypothesis | None:
        """The best text of the piece of that many frames, which ends here; None if there is none or it is not wanted."""
        features = self.hearing.front.release(frames * self.hops)
        if not wanted or not len(features):
            return None
        recognizer = self.recognizer
        found = recognizer.decode(recognizer.engine.emit(recognizer.normalization(features)))
        return found[0] if found else None
