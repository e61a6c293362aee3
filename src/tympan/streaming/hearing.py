"""From packets of audio to log_probs: by a network that hears chunks, or whole utterances in windows that overlap.

    hearing.accept(samples, rate)
    while (work := hearing.take(onset)) is not None:
        log_probs = kind.encode([(hearing, work), ...])       # of many streams at once where the network can
    hearing.end(); ...the same again for what was left

The grid of the chunks and windows lies in the audio, so nothing depends on how the audio was cut into packets.
"""

from __future__ import annotations

import math
from collections import defaultdict
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
        size: encoded frames of the chunk; 0 of a window.
        drop, keep: of a window's encoded frames, those before the new ones, and how many are new; keep None for all.
    """

    features: Array
    loudness: Array
    size: int = 0
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

    def take(self, onset: float = math.inf) -> Work | None:
        """What is ready, a step of it; None if nothing is.

        Args:
            onset: dBFS of what may be the beginning of speech, for which the step may be a short one.
        """
        ...


class HearingKind(Protocol):
    """How a recogniser's streams hear; one for all its streams.

    Attributes:
        name: "chunks" or "windows".
        sizes: encoded frames that are heard at a time, and where speech begins.
    """

    name: str
    sizes: tuple[int, int]

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
        self.size = nearest(geometry.chunk_sizes, options.chunk_s / encoded_s)
        self.first_size = min(self.size, nearest(geometry.chunk_sizes, options.first_chunk_s / encoded_s))
        self.sizes = (self.size, self.first_size)
        self.factor = geometry.factor

    def open(self) -> ChunkHearing:
        return ChunkHearing(self)

    def encode(self, items: Sequence[tuple[ChunkHearing, Work]]) -> list[Array]:
        alike: dict[int, list[int]] = defaultdict(list)
        for index, (_, work) in enumerate(items):
            alike[work.size].append(index)
        found: dict[int, Array] = {}
        for size, indices in alike.items():
            states, features = [items[index][0].state for index in indices], [items[index][1].features for index in indices]
            found.update(zip(indices, self.network.step(states, features, size), strict=True))
        return [found[index] for index in range(len(items))]


def nearest(sizes: Sequence[int], wanted: float) -> int:
    """That of the sizes that is nearest."""
    return min(sizes, key=lambda size: abs(size - wanted))


class ChunkHearing(Listener):
    """`Hearing` of `Chunks`."""

    def __init__(self, kind: Chunks) -> None:
        super().__init__(kind.extractor.sample_rate)
        self.kind = kind
        self.running: Running | None = None
        self.keep = False
        self.begin()

    def keep_features(self) -> None:
        """From the stream's beginning on, in `front.kept`."""
        self.keep = True
        self.begin()

    def begin(self) -> None:
        self.front = Front(self.kind.extractor, self.kind.normalization, self.running, keep=self.keep)
        self.running = self.front.running  # the speaker and the room are the same
        self.state: ChunkState = self.kind.network.begin()
        self.ended = False

    def take(self, onset: float = math.inf) -> Work | None:
        """Until it is loud whole chunks are heard, as they are when words are known; between, short ones.

        What is loud is looked for in one chunk ahead, not in all that is there: how much is there depends on the packets.
        """
        ready, frames = len(self.front.ready), self.kind.size * self.kind.factor
        loud = bool((self.front.loudness[: min(ready, frames)] >= onset).any())
        size = self.kind.first_size if loud else self.kind.size
        if not ready or (ready < size * self.kind.factor and not self.ended):
            return None
        return Work(*self.front.take(size * self.kind.factor), size=size)


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
        self.sizes = (self.new, self.new)

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

    def take(self, onset: float = math.inf) -> Work | None:
        kind = self.kind
        new, after = kind.new * kind.hops, kind.after * kind.hops
        ready = len(self.front.ready)
        if not ready or (ready < new + after and not self.ended):
            return None
        last = self.ended and ready <= new + after
        following = self.front.ready[: ready if last else new + after].copy()
        fresh, loudness = self.front.take(ready if last else new)
        drop = len(self.past) // kind.hops
        work = Work(np.concatenate((self.past, following)), loudness, drop=drop, keep=None if last else kind.new)
        self.past = np.concatenate((self.past, fresh))[-kind.before * kind.hops :]
        return work
