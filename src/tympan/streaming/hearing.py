"""From packets of audio to log_probs: by a network that hears chunks, or whole utterances in windows that overlap.

    hearing.accept(samples, rate)
    while (work := hearing.take()) is not None:
        log_probs = kind.encode([(hearing, work), ...])       # of many streams at once where the network can
    hearing.end(); ...the same again for what was left

The grid of the chunks and windows lies in the audio, so nothing depends on how the audio was cut into packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan.engines import CTCEngine
from tympan.engines.chunks import ChunkedNetwork, ChunkState
from tympan.features import Extractor, Normalization
from tympan.features.normalize import Running
from tympan.streaming.front import Front, Resampled
from tympan.streaming.options import StreamOptions

Array = npt.NDArray[np.float32]

# A window of a network that hears whole utterances: what is new in it, and what it hears before and after.
NEW_S, BEFORE_S, AFTER_S = 0.96, 4.0, 0.64


@dataclass(frozen=True, eq=False)
class Work:
    """What a network is to be run on for one stream.

    Attributes:
        features: (T, F) normalised.
        loudness: (t,) dBFS of the frames that are new in it.
        drop, keep: of a window's encoded frames, those before the new ones, and how many are new; keep None for all.
    """

    features: Array
    loudness: Array
    drop: int = 0
    keep: int | None = None


class Hearing(Protocol):
    """One stream's way to log_probs."""

    resampled: Resampled

    def accept(self, samples: npt.NDArray[Any], sample_rate: int | None) -> None:
        """Take a packet."""
        ...

    def end(self) -> None:
        """No more comes before the next `begin`."""
        ...

    def begin(self) -> None:
        """After the end: the next packet begins an utterance."""
        ...

    def take(self) -> Work | None:
        """What is ready, a step of it; None if nothing is."""
        ...


class HearingKind(Protocol):
    """How a recogniser's streams hear; one for all its streams.

    Attributes:
        name: "chunks" or "windows".
        step_frames: of log_probs in a step.
        delay_s: what a word waits at most for its step, and for what the network hears after it.
    """

    name: str
    step_frames: int
    delay_s: float

    def open(self) -> Hearing:
        """A stream."""
        ...

    def encode(self, items: Sequence[tuple[Any, Work]]) -> list[Array]:
        """A step of each stream -> its log_probs (T', V)."""
        ...


class Listener:
    """What every `Hearing` does with audio.

    Attributes:
        front: of the utterance.
        ended: no more of it comes.
    """

    front: Front
    ended = False

    def __init__(self, sample_rate: int) -> None:
        self.resampled = Resampled(sample_rate)

    def accept(self, samples: npt.NDArray[Any], sample_rate: int | None) -> None:
        """Take a packet."""
        self.front.accept(self.resampled.accept(samples, sample_rate))

    def end(self) -> None:
        """No more comes before the next `begin`."""
        self.front.accept(self.resampled.end())
        self.front.end()
        self.ended = True


class Chunks:
    """Hearing in chunks: nothing is heard twice, and nothing waited for but the end of the chunk."""

    name = "chunks"

    def __init__(self, engine: CTCEngine, extractor: Extractor, options: StreamOptions) -> None:
        assert engine.chunks is not None
        self.network: ChunkedNetwork = engine.chunks
        self.extractor = extractor
        geometry = self.network.geometry
        self.normalization = Normalization.from_config(dict(geometry.normalization))
        encoded_s = geometry.factor * extractor.frame_shift_s
        self.size = min((size for size in geometry.chunk_sizes), key=lambda size: abs(size * encoded_s - options.chunk_s))
        self.frames = self.size * geometry.factor
        self.step_frames = max(1, round(self.size * encoded_s / engine.bundle.frame_shift_s))
        self.delay_s = self.size * encoded_s

    def open(self) -> ChunkHearing:
        return ChunkHearing(self)

    def encode(self, items: Sequence[tuple[ChunkHearing, Work]]) -> list[Array]:
        return self.network.step([hearing.state for hearing, _ in items], [work.features for _, work in items], self.size)


class ChunkHearing(Listener):
    """`Hearing` of `Chunks`."""

    def __init__(self, kind: Chunks) -> None:
        super().__init__(kind.extractor.sample_rate)
        self.kind = kind
        self.running: Running | None = None
        self.begin()

    def begin(self) -> None:
        self.front = Front(self.kind.extractor, self.kind.normalization, self.running)
        self.running = self.front.running  # the speaker and the room are the same
        self.state: ChunkState = self.kind.network.begin()
        self.ended = False

    def take(self) -> Work | None:
        if not len(self.front.ready) or (len(self.front.ready) < self.kind.frames and not self.ended):
            return None
        return Work(*self.front.take(self.kind.frames))


class Windows:
    """Hearing whole utterances: the newest stretch with some seconds before it and a little after, again and again."""

    name = "windows"

    def __init__(self, engine: CTCEngine, extractor: Extractor, normalization: Normalization) -> None:
        self.engine = engine
        self.extractor = extractor
        self.normalization = normalization
        # All lengths are multiples of the encoder's, so that a frame lies in the same place in each window that holds it.
        self.hops = max(1, round(engine.bundle.frame_shift_s / extractor.frame_shift_s))
        self.new, self.before, self.after = (round(each / engine.bundle.frame_shift_s) for each in (NEW_S, BEFORE_S, AFTER_S))
        grid = 8  # encoded frames that unfold into several
        self.new, self.before = -(-self.new // grid) * grid, -(-self.before // grid) * grid
        self.step_frames = self.new
        self.delay_s = (self.new + self.after) * engine.bundle.frame_shift_s

    def open(self) -> WindowHearing:
        return WindowHearing(self)

    def encode(self, items: Sequence[tuple[WindowHearing, Work]]) -> list[Array]:
        found = []
        for _, work in items:
            log_probs = self.engine.emit(self.normalization(work.features))
            found.append(log_probs[work.drop : None if work.keep is None else work.drop + work.keep])
        return found


class WindowHearing(Listener):
    """`Hearing` of `Windows`."""

    def __init__(self, kind: Windows) -> None:
        super().__init__(kind.extractor.sample_rate)
        self.kind = kind
        self.begin()

    def begin(self) -> None:
        self.front = Front(self.kind.extractor, Normalization())
        self.past: Array = np.zeros((0, self.kind.extractor.num_features), np.float32)
        self.ended = False

    def take(self) -> Work | None:
        kind = self.kind
        new, after = kind.new * kind.hops, kind.after * kind.hops
        ready = len(self.front.ready)
        if not ready or (ready < new + after and not self.ended):
            return None
        last = self.ended and ready <= new + after
        following = self.front.ready[: ready if last else new + after].copy()
        fresh, loudness = self.front.take(ready if last else new)
        drop = len(self.past) // kind.hops
        work = Work(np.concatenate((self.past, following)), loudness, drop, None if last else kind.new)
        self.past = np.concatenate((self.past, fresh))[-kind.before * kind.hops :]
        return work
