"""A recogniser's stream: audio in packets, words as they are said.

    stream = recognizer.stream()
    for packet in packets:
        stream.accept(packet, 48000)
        print(stream.partial().text)
        for final in stream.finals(): ...
    transcript = stream.finish()

What comes out depends on the audio alone, never on how it was cut into packets, or on when it is asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tympan.streaming.endpoints import Endpointer
from tympan.streaming.events import Final, Partial, Reason
from tympan.streaming.finished import Finished
from tympan.streaming.hearing import ChunkHearing, HearingKind, Work
from tympan.streaming.options import StreamOptions
from tympan.streaming.second_pass import SecondPass
from tympan.streaming.stability import SpelledWord, Stability
from tympan.streaming.writing import Writing
from tympan.transcript import Transcript

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer

Array = npt.NDArray[np.float32]
STEP_S = 0.16  # a piece can end after each, also within a longer chunk


class Stream:
    """One speaker's audio on its way to text; for one thread at a time.

    A pool of streams (a server) takes three steps apart, to run the network for many at once: `push`, then while `take` gives work
    `put(log_probs)`.

    Args:
        recognizer: of a CTC model.
        kind: how it hears.
        options: of the stream.
        keep: remember the finals for `finish`; without it an endless stream needs no more memory.

    Attributes:
        speech_start: seconds at which the piece under way began to be speech; None before.
    """

    def __init__(self, recognizer: Recognizer, kind: HearingKind, options: StreamOptions, *, keep: bool = True) -> None:
        self.recognizer = recognizer
        self.kind = kind
        self.options = options
        self.done = Finished(recognizer, keep=keep)
        self.shift = recognizer.bundle.frame_shift_s
        self.hearing = kind.open()
        self.writing = Writing(recognizer)
        self.endpointer = Endpointer(options, self.shift)
        self.again = SecondPass(recognizer, self.hearing) if options.second_pass and isinstance(self.hearing, ChunkHearing) else None
        stable_s = options.stable_s if self.again is None else math.inf
        self.stability = Stability(stable_s / self.shift, min(options.steady_s, stable_s) / self.shift)
        self.origin_s = 0.0  # where the utterance that the network hears began
        self.first = 0  # frame in it at which the piece under way began

    def accept(self, samples: npt.NDArray[Any], sample_rate: int | None = None) -> None:
        """Take a packet of any size, also of no samples.

        Args:
            samples: (n,) or (n, channels), int16 or floating point in [-1, 1].
            sample_rate: Hz; None takes that of the packet before, at first the model's.

        Raises:
            AudioError: not audio, or another rate than before.
            TympanError: the stream is finished.
        """
        self.push(samples, sample_rate)
        self.advance()

    def partial(self) -> Partial:
        """What seems to have been said in the piece under way; an empty text if nothing was."""
        start = self.origin_s + self.first * self.shift
        words = self.stability.words
        return Partial(" ".join(text for text, _ in words), len(self.stability.stable), start, start + self.writing.frames * self.shift)

    def finals(self) -> list[Final]:
        """The pieces that ended since the last call."""
        return self.done.take()

    def flush(self) -> None:
        """End the piece now, with all that was said; what comes next begins a new one. The stream stays open."""
        self.done.check_open()
        self.end("flush")

    def finish(self) -> Transcript:
        """End the stream; the transcript of all of it. Its last finals can still be asked for.

        Raises:
            TympanError: the stream is finished already.
        """
        self.done.check_open()
        self.end("finish")
        return self.done.close(self.seconds)

    @property
    def seconds(self) -> float:
        """Of audio that was accepted."""
        return self.hearing.resampled.seconds

    @property
    def speech_start(self) -> float | None:
        speech = self.endpointer.speech
        return None if speech is None else self.origin_s + (self.first + speech) * self.shift

    # ---- the steps of `accept`

    def push(self, samples: npt.NDArray[Any], sample_rate: int | None = None) -> None:
        """As `accept`, without running the network."""
        self.done.check_open()
        self.hearing.accept(samples, sample_rate)

    def take(self) -> Work | None:
        """What the network is to be run on next; None if there is not enough audio."""
        waiting = self.options.partials and not self.stability.words
        return self.hearing.take(self.endpointer.loudness.onset if waiting else math.inf)

    def put(self, work: Work, log_probs: Array) -> None:
        """What the network made of it."""
        steps = max(1, round(len(log_probs) * self.shift / STEP_S))
        for heard, loudness in zip(np.array_split(log_probs, steps), np.array_split(work.loudness, steps), strict=True):
            self.follow(heard, loudness)

    def follow(self, log_probs: Array, loudness: Array) -> None:
        """One step: the search goes on, words get stable, and perhaps the piece ends."""
        if self.endpointer.too_long(len(log_probs)):
            self.cut()
        self.writing.feed(log_probs)
        self.endpointer.follow(log_probs, loudness)
        if self.options.partials or self.endpointer.after_words():
            words, finished = self.writing.words()
            self.stability.update(words, self.writing.frames, finished=finished)
            if self.endpointer.after_words() and self.stability.words:
                self.close("endpoint")
            elif self.endpointer.after_nothing() and not self.stability.words:
                self.close(None)
        elif self.endpointer.after_nothing():
            self.close(None)

    def advance(self) -> None:
        """Run the network on all that is ready."""
        while (work := self.take()) is not None:
            self.put(work, self.kind.encode([(self.hearing, work)])[0])

    def end(self, reason: Reason) -> None:
        """The end of what the network hears."""
        self.hearing.end()
        self.advance()
        self.conclude(reason)

    def conclude(self, reason: Reason) -> None:
        """As `end`, after all was put."""
        self.close(reason)
        self.origin_s, self.first = self.seconds, 0
        self.endpointer.begin()
        self.hearing.begin()

    # ---- pieces

    def close(self, reason: Reason | None, rest: Array | None = None, stable: tuple[SpelledWord, ...] = ()) -> None:
        """End the piece under way, with a final if there are words; the next one begins with the rest, and with its stable words."""
        frames = self.writing.frames
        if self.again is not None:
            hypothesis = self.again(frames, wanted=reason is not None)
        else:
            hypothesis = None if reason is None else self.writing.finish(self.stability.stable)
        if reason is not None and hypothesis is not None:
            start = self.origin_s + self.first * self.shift
            words = self.recognizer.words(hypothesis, start, max(start, min(start + frames * self.shift, self.seconds)))
            self.stability.close([word.text for word in words])
            self.done.add(words, reason, hypothesis.hot_words)
        self.first += frames
        self.writing.begin(rest)
        self.endpointer.begin()
        self.stability.begin(stable)

    def cut(self) -> None:
        """End the piece in its longest pause, because it gets too long."""
        length, middle = self.endpointer.pause
        if not length:
            self.close("max_length")
            return
        after = self.stability.divide(self.writing.words_before(middle, self.stability.stable))
        rest = self.writing.cut(middle)
        self.close("max_length", rest, after)
        self.endpointer.follow(rest, None)
