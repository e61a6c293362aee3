"""A recogniser of tones that hears chunks, and ways to cut audio into packets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toy_models import RATE, make_bundle, make_scorer, speak
from tympan.recognizer import Recognizer
from tympan.streaming import Final, Stream, StreamOptions
from tympan.tokens import TokenTable

SYMBOLS = (" ", *"abcdefg")
TABLE = TokenTable(("<blank>", *SYMBOLS), "characters")
WORDS = ("bad", "cab", "fed", "a", "egg", "bag")
Samples = npt.NDArray[np.float32]


def recognizer_of(folder: Path, *, chunked: bool = True, scorer: bool = True, **options: Any) -> Recognizer:
    """Of tones for the letters a to g."""
    bundle = make_bundle(folder / "tones.tympan", SYMBOLS, chunked=chunked)
    words = make_scorer(folder / "words.scorer", TABLE, {word: [] for word in WORDS}) if scorer else "none"
    return Recognizer(bundle, threads=1, scorer=words, **options)


def silence(seconds: float) -> Samples:
    """Very soft noise."""
    return (1e-4 * np.random.default_rng(5).standard_normal(round(seconds * RATE))).astype(np.float32)


def said(*parts: str | float) -> Samples:
    """Words as tones, and seconds of silence."""
    return np.concatenate([silence(part) if isinstance(part, float) else speak(TABLE, part) for part in parts])


def packets(samples: Samples, sizes: Sequence[int]) -> Iterator[Samples]:
    """Packets of these sizes, again and again."""
    at, turn = 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[at : at + size]
        at, turn = at + size, turn + 1


def heard(
    recognizer: Recognizer, samples: Samples, sizes: Sequence[int] = (1600,), options: StreamOptions | None = None
) -> tuple[list[Final], Any]:
    """The finals and the transcript of a stream."""
    stream = recognizer.stream(options)
    finals: list[Final] = []
    for packet in packets(samples, sizes):
        stream.accept(packet, RATE)
        finals += stream.finals()
    transcript = stream.finish()
    assert isinstance(stream, Stream) or recognizer.streams == "pieces"
    return finals + stream.finals(), transcript
