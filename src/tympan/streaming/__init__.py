"""Streams: audio in packets, words as they are said.

`Recognizer.stream` opens one. A model whose network hears chunks streams exactly, and costs the same after hours; other CTC models
hear windows that overlap; models of other families transcribe each piece when it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tympan.engines import CTCEngine
from tympan.streaming.events import Final, Partial, Reason
from tympan.streaming.hearing import Chunks, HearingKind, Windows
from tympan.streaming.options import StreamOptions
from tympan.streaming.pieces import PieceStream
from tympan.streaming.stream import Stream

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer

__all__ = [
    "Chunks",
    "Final",
    "HearingKind",
    "Partial",
    "PieceStream",
    "Reason",
    "Stream",
    "StreamOptions",
    "Windows",
    "hearing_of",
    "open_stream",
]


def hearing_of(recognizer: Recognizer, options: StreamOptions) -> HearingKind | None:
    """How a recogniser's streams hear; None if only piece by piece."""
    engine = recognizer.engine
    if not isinstance(engine, CTCEngine):
        return None
    if engine.chunks is not None:
        return Chunks(engine, recognizer.extractor, options)
    return Windows(engine, recognizer.extractor, recognizer.normalization)


def open_stream(recognizer: Recognizer, options: StreamOptions | None = None, *, keep: bool = True) -> Stream | PieceStream:
    """As `Recognizer.stream`."""
    options = options or StreamOptions()
    kind = hearing_of(recognizer, options)
    return PieceStream(recognizer, options, keep=keep) if kind is None else Stream(recognizer, kind, options, keep=keep)
