"""Where a training takes its sounds from: a cache of samples or of features, or the recordings themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.cache.building import Made, plan_cache
from tympan.data.cache.contents import Lengths, Samples, Waveform, quantized, restored, truncation_is_an_error
from tympan.data.manifest import Utterance
from tympan.errors import AudioError

REMAKE = "Give the command again: what is missing is made."


class Sounds(Protocol):
    """Utterances by number.

    Attributes:
        lengths: (n,) int64 samples; 0 for what cannot be used.
        skipped: index -> why it cannot be used.
        sample_rate: Hz.
    """

    @property
    def lengths(self) -> npt.NDArray[np.int64]: ...

    @property
    def skipped(self) -> dict[int, str]: ...

    @property
    def sample_rate(self) -> int: ...

    def durations(self) -> npt.NDArray[np.float64]:
        """(n,) seconds."""
        ...

    def samples(self, index: int, first: int = 0, count: int | None = None) -> Samples:
        """(N,) float32 in [-1, 1] of utterance `index`, or up to `count` of them from `first` on.

        Raises:
            AudioError: it cannot be read now.
        """
        ...


@dataclass(frozen=True)
class Stored:
    """What all kinds know of their utterances; see `Sounds`."""

    made: Made

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return self.made.lengths

    @property
    def skipped(self) -> dict[int, str]:
        return self.made.skipped

    @property
    def sample_rate(self) -> int:
        return self.made.content.sample_rate

    def durations(self) -> npt.NDArray[np.float64]:
        """(n,) seconds."""
        return self.lengths / self.sample_rate


class AudioCache(Stored):
    """Samples of 16 bits on disk, mapped into memory for each utterance."""

    def samples(self, index: int, first: int = 0, count: int | None = None) -> Samples:
        """See `Sounds.samples`."""
        return restored(rows(self.made, index, first, count))


class FeatureCache(Stored):
    """Features on disk, mapped into memory for each utterance; there are no samples to change."""

    def features(self, index: int) -> npt.NDArray[np.float32]:
        """(T, F) before normalisation; AudioError as for samples."""
        return np.array(rows(self.made, index))


@dataclass(frozen=True)
class UncachedAudio(Stored):
    """Recordings that are decoded whenever they are wanted, to the samples that an `AudioCache` would give.

    Attributes:
        recordings: their paths; the lengths are those of their headers.
    """

    recordings: Sequence[Path]

    def samples(self, index: int, first: int = 0, count: int | None = None) -> Samples:
        """As `Sounds.samples`; a recording that ends early is an AudioError, too."""
        if index in self.skipped:
            return np.zeros(0, np.float32)
        with truncation_is_an_error():
            try:
                samples = restored(quantized(audio.read(self.recordings[index], self.sample_rate)))
            except audio.TruncatedAudioWarning as warning:
                raise AudioError(str(warning)) from None
        return samples[first : None if count is None else first + count]


def rows(made: Made, index: int, first: int = 0, count: int | None = None) -> npt.NDArray[Any]:
    """Rows of utterance `index` from `first` on, mapped.

    Each is a mapping of its own, checked against the file as it is now: what is gone or cut is an error, not the end of the process.
    """
    content, path = made.content, made.files[made.shards[index]]
    first = min(first, int(made.rows[index]))
    count = int(made.rows[index]) - first if count is None else min(count, int(made.rows[index]) - first)
    shape = (count, content.width) if content.width else (count,)
    if not count:
        return np.zeros(shape, content.dtype)
    offset = (int(made.starts[index]) + first) * content.dtype.itemsize * max(1, content.width)
    try:
        return np.memmap(path, content.dtype, "r", offset, shape)
    except (OSError, ValueError) as error:
        raise AudioError(f"The cache {path} is gone, or cut off ({error}).", REMAKE) from None


def cache_audio(
    utterances: Sequence[Utterance], folder: Path, sample_rate: int, progress: Callable[[int], None] = lambda done: None
) -> AudioCache:
    """Decode `utterances` into `folder`, or find them there; errors and warnings as `CachePlan.make`."""
    return AudioCache(plan_cache(utterances, folder, Waveform(sample_rate)).make(progress))


def open_uncached(
    utterances: Sequence[Utterance], folder: Path, sample_rate: int, progress: Callable[[int], None] = lambda done: None
) -> UncachedAudio:
    """Look at the header of every recording, or find its length in `folder`; errors and warnings as `CachePlan.make`."""
    plan = plan_cache(utterances, folder, Lengths(sample_rate))
    return UncachedAudio(plan.make(progress), plan.recordings)
