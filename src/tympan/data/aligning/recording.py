"""A long recording and its one transcript -> utterances.

    recording -> pieces at pauses -> log_probs, on disk -> words heard -> anchors -> forced alignment between them -> utterances

Memory is bounded by a stretch between two anchors, not by the recording.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.aligning.anchors import Heard, find_anchors
from tympan.data.aligning.spelling import spell_words, word_key
from tympan.data.aligning.stretches import place_words
from tympan.data.aligning.utterances import AlignedUtterance, CutOptions, cut_utterances
from tympan.decoding import word_spans
from tympan.errors import TympanError
from tympan.recognizer import Recognizer

Progress = Callable[[str, int, int], None]
"""Called with what is done, seconds done, and seconds in all (0 if not known)."""


@dataclass(frozen=True)
class Alignment:
    """What became of a recording.

    Attributes:
        utterances: in order; the dropped ones too.
        duration_s: of the recording.
        words: of the transcript; how many of them cannot be spelled.
        anchors: places where transcript and recording certainly meet.
    """

    utterances: tuple[AlignedUtterance, ...]
    duration_s: float
    words: int
    unspelled: int
    anchors: int


def align_recording(
    recognizer: Recognizer,
    recording: Path,
    text: str,
    options: CutOptions | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Alignment:
    """Find where in a recording its transcript is said.

    Args:
        recognizer: any CTC model of the language; one of phones needs its scorer.
        recording: of any length.
        text: all that is said, in order; what is missing or too much costs the utterances around it.
        options: how to cut.

    Raises:
        AudioError: the recording cannot be read.
        TympanError: the transcript is empty, or no word of it can be spelled with the model's tokens.
    """
    table = recognizer.bundle.tokens
    words = spell_words(text, table, recognizer.scorer)
    if not any(word.tokens for word in words):
        raise TympanError(
            "No word of the transcript can be spelled with the model's tokens.",
            f"They are {' '.join(table.tokens[1:30])}. Is it this language?",
        )
    with tempfile.TemporaryDirectory(prefix="tympan-align-") as folder:
        log_probs, times, heard, duration_s = emit(recognizer, recording, Path(folder) / "log_probs.f32", progress)
        anchors = find_anchors([word.key for word in words], heard)
        progress("aligning", 0, 0)
        placed = place_words(log_probs, words, anchors, table.separator)
        del log_probs  # Windows removes no file that is mapped
    cuts = cut_utterances(placed, words, times, recognizer.bundle.frame_shift_s, options or CutOptions())
    unspelled = sum(bool(word.key) and not word.tokens for word in words)
    ended = tuple(bounded(item, duration_s) for item in cuts)
    return Alignment(ended, duration_s, len(words), unspelled, len(anchors))


def bounded(item: AlignedUtterance, duration_s: float) -> AlignedUtterance:
    """The utterance within the recording: the last frame may reach over its end."""
    return AlignedUtterance(item.text, item.start_s, min(item.end_s, duration_s), item.confidence, item.dropped)


def emit(
    recognizer: Recognizer, recording: Path, path: Path, progress: Progress
) -> tuple[npt.NDArray[np.float32], list[float], list[Heard], float]:
    """(T, V) log_probs of the whole recording in a mapped file, the seconds of its frames, the words heard, and its length."""
    total_s = audio.info(recording).duration_s or 0.0
    shift_s, tokens = recognizer.bundle.frame_shift_s, len(recognizer.bundle.tokens)
    times: list[float] = []
    heard: list[Heard] = []
    duration_s = 0.0
    with open(path, "wb") as file:
        for piece in recognizer.pieces(recording, None):
            log_probs = np.ascontiguousarray(recognizer.log_probs(piece.samples), dtype=np.float32)
            begin = len(times)
            for hypothesis in recognizer.decode(log_probs)[:1]:
                for span in word_spans(hypothesis, recognizer.bundle.tokens):
                    first, end = hypothesis.timesteps[span.first], hypothesis.ends[span.end - 1]
                    heard.append(Heard(word_key(span.text), begin + first, begin + end))
            file.write(log_probs.tobytes())
            times += [piece.start_s + frame * shift_s for frame in range(len(log_probs))]
            duration_s = piece.start_s + len(piece.samples) / recognizer.sample_rate
            progress("listening", round(duration_s), round(total_s))
    if not times:
        raise TympanError(f"{recording} is too short to be heard.", "Give a longer recording.")
    return np.memmap(path, dtype=np.float32, mode="r", shape=(len(times), tokens)), times, heard, duration_s
