"""Noises, rooms and talkers: recordings that members mix into an utterance, read when they are drawn.

Nothing is held in memory but where the samples are, so an augmenter is cheap to send to a worker process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.cache import Sounds
from tympan.data.manifest import Utterance

Samples: TypeAlias = npt.NDArray[np.float32]


class Recordings(Protocol):
    """Numbered recordings, none of them empty."""

    def __len__(self) -> int: ...

    def length(self, index: int) -> int:
        """Samples of a recording."""
        ...

    def read(self, index: int, start: int, count: int) -> Samples:
        """(count,) samples from `start` on, all within the recording."""
        ...

    def name(self, index: int) -> str:
        """For people."""
        ...


@dataclass(frozen=True)
class CachedRecordings:
    """Recordings of the training's cache.

    Attributes:
        cache: where they are.
        positions: of those that may be drawn.
    """

    cache: Sounds
    positions: Sequence[int]

    @classmethod
    def of(cls, cache: Sounds) -> CachedRecordings:
        """All of a cache that are not empty."""
        return cls(cache, np.flatnonzero(cache.lengths).tolist())

    def __len__(self) -> int:
        return len(self.positions)

    def length(self, index: int) -> int:
        return int(self.cache.lengths[self.positions[index]])

    def read(self, index: int, start: int, count: int) -> Samples:
        return self.cache.samples(self.positions[index], start, count)

    def name(self, index: int) -> str:
        return str(self.positions[index])


@dataclass
class Files:
    """Recordings decoded when they are drawn; the last one is kept."""

    utterances: Sequence[Utterance]
    sample_rate: int
    _last: tuple[int, Samples] = field(default=(-1, np.zeros(0, np.float32)), repr=False)

    def __len__(self) -> int:
        return len(self.utterances)

    def length(self, index: int) -> int:
        return len(self._samples(index))

    def read(self, index: int, start: int, count: int) -> Samples:
        return self._samples(index)[start : start + count].copy()

    def name(self, index: int) -> str:
        return self.utterances[index].id

    def _samples(self, index: int) -> Samples:
        if self._last[0] != index:
            self._last = index, audio.read(self.utterances[index].audio, self.sample_rate)
        return self._last[1]


def excerpt(recordings: Recordings, index: int, count: int, rng: np.random.Generator) -> Samples:
    """(count,) samples of recording `index` from a random place on, going round at its end."""
    length = recordings.length(index)
    start = int(rng.integers(length))
    if start + count <= length:
        return recordings.read(index, start, count)
    if count >= length:
        return np.resize(np.roll(recordings.read(index, 0, length), -start), count)
    tail = recordings.read(index, start, length - start)
    return np.concatenate([tail, recordings.read(index, 0, count - len(tail))])
