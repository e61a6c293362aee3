"""A stream for models that give no log_probs by frames: each piece is transcribed when it ends, and again and again while it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tympan.audio.segment import frame_loudness
from tympan.streaming.endpoints import Loudness
from tympan.streaming.events import Final, Partial, Reason
from tympan.streaming.finished import Finished
from tympan.streaming.front import Resampled
from tympan.streaming.options import StreamOptions
from tympan.transcript import Transcript, Word

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer

Array = npt.NDArray[np.float32]
STEP_S = 0.1  # the grid on which silence is measured
AGAIN_S = 1.0  # of new audio, after which the piece is transcribed again for a partial
PRE_S = 0.3  # kept before speech


class PieceStream:
    """As `Stream`, but words are not stable before they are final, and speech is told by its loudness.

    Args:
        recognizer: of any family.
        options: of the stream.
        keep: remember the finals for `finish`.

    Attributes:
        speech_start: seconds at which the piece under way began to be speech; None before.
    """

    def __init__(self, recognizer: Recognizer, options: StreamOptions, *, keep: bool = True) -> None:
        self.recognizer = recognizer
        self.options = options
        self.done = Finished(recognizer, keep=keep)
        self.rate = recognizer.sample_rate
        self.hop = max(1, round(0.01 * self.rate))
        self.step = round(STEP_S * self.rate)
        self.resampled = Resampled(self.rate)
        self.loudness = Loudness(STEP_S)
        self.waiting: Array = np.zeros(0, np.float32)  # shorter than a step
        self.piece: Array = np.zeros(0, np.float32)
        self.start = 0  # samples before the piece
        self.speech_start: float | None = None
        self.silence_s = 0.0
        self.transcribed = 0  # samples of the piece in the last partial
        self.words: tuple[Word, ...] = ()

    def accept(self, samples: npt.NDArray[Any], sample_rate: int | None = None) -> None:
        """As `Stream.accept`."""
        self.done.check_open()
        self.hear(self.resampled.accept(samples, sample_rate))

    def hear(self, samples: Array) -> None:
        """Samples at the model's rate, step by step."""
        self.waiting = np.concatenate((self.waiting, samples))
        while len(self.waiting) >= self.step:
            step, self.waiting = self.waiting[: self.step], self.waiting[self.step :]
            self.follow(step)

    def follow(self, step: Array) -> None:
        """One step of the grid."""
        quiet = bool(self.loudness.quiet(np.array([frame_loudness(step, self.hop).max()], np.float32))[0])
        self.piece = np.concatenate((self.piece, step))
        self.silence_s = self.silence_s + STEP_S if quiet else 0.0
        seconds = len(self.piece) / self.rate
        if quiet and self.speech_start is None:
            self.drop(len(self.piece) - round(PRE_S * self.rate))
        elif self.speech_start is None:
            self.speech_start = self.start / self.rate + max(0.0, seconds - STEP_S)
        elif self.silence_s >= self.options.endpoint_s - 1e-9:
            self.close("endpoint")
        elif seconds + STEP_S > min(self.options.longest_s, 20.0):
            self.close("max_length")
        elif self.options.partials and len(self.piece) - self.transcribed >= AGAIN_S * self.rate:
            self.words = self.transcribe()[0]
            self.transcribed = len(self.piece)

    def drop(self, count: int) -> None:
        """Forget samples at the piece's beginning."""
        if count > 0:
            self.piece = self.piece[count:]
            self.start += count

    def transcribe(self) -> tuple[tuple[Word, ...], dict[str, int]]:
        """The words of the piece, and how often hot words fired."""
        found = self.recognizer.decode(self.recognizer.emit(self.piece))
        if not found:
            return (), {}
        start = self.start / self.rate
        return self.recognizer.words(found[0], start, start + len(self.piece) / self.rate), dict(found[0].hot_words)

    def close(self, reason: Reason) -> None:
        """End the piece, with a final if there are words."""
        if len(self.piece) and self.speech_start is not None:
            words, fired = self.transcribe()
            self.done.add(words, reason, fired)
        self.drop(len(self.piece))
        self.speech_start, self.silence_s, self.transcribed, self.words = None, 0.0, 0, ()

    def partial(self) -> Partial:
        """What seems to have been said in the piece under way."""
        start = self.start / self.rate
        return Partial(" ".join(word.text for word in self.words), 0, start, start + self.transcribed / self.rate)

    def finals(self) -> list[Final]:
        """The pieces that ended since the last call."""
        return self.done.take()

    def flush(self) -> None:
        """End the piece now; the stream stays open."""
        self.end("flush")

    def finish(self) -> Transcript:
        """End the stream; the transcript of all of it."""
        self.end("finish")
        return self.done.close(self.seconds)

    def end(self, reason: Reason) -> None:
        """All that was accepted is heard, and the piece ends."""
        self.done.check_open()
        self.hear(self.resampled.end())
        self.piece = np.concatenate((self.piece, self.waiting))
        self.waiting = self.waiting[:0]
        if self.speech_start is None and len(self.piece):  # too short to tell
            self.speech_start = self.start / self.rate
        self.close(reason)

    @property
    def seconds(self) -> float:
        """Of audio that was accepted."""
        return self.resampled.seconds
