"""Sounds whose power, pitch and place are known, and recordings that are held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan.data.augment import Recordings, Scene
from tympan.data.cache import AudioCache, Made, Waveform

Samples = npt.NDArray[np.float32]
RATE = 16_000


def white(count: int = 8000, seed: int = 0, level: float = 0.1) -> Samples:
    """White noise of this root mean square."""
    return (level * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def tone(hertz: float, seconds: float = 1.0, sample_rate: int = RATE, level: float = 0.5) -> Samples:
    """A sine."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * sample_rate)) / sample_rate)).astype(np.float32)


def power(samples: Samples) -> float:
    """Mean square, in float64."""
    return float(np.mean(samples.astype(np.float64) ** 2))


def energy_between(samples: Samples, low: float, high: float, sample_rate: int = RATE) -> float:
    """Share of the energy from low to high Hz."""
    energy = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    return float(energy[(hertz >= low) & (hertz <= high)].sum() / energy.sum())


def lag(samples: Samples, later: Samples) -> int:
    """By how many samples the second is behind the first, where they agree best."""
    size = 1 << (len(samples) + len(later)).bit_length()
    agreement = np.fft.irfft(np.conj(np.fft.rfft(samples, size)) * np.fft.rfft(later, size), size)
    best = int(np.argmax(agreement))
    return best if best < size // 2 else best - size


@dataclass(frozen=True)
class Held:
    """Recordings in memory."""

    sounds: Sequence[Samples]

    def __len__(self) -> int:
        return len(self.sounds)

    def length(self, index: int) -> int:
        return len(self.sounds[index])

    def read(self, index: int, start: int, count: int) -> Samples:
        assert start >= 0 and count >= 0 and start + count <= len(self.sounds[index])
        return self.sounds[index][start : start + count].copy()

    def name(self, index: int) -> str:
        return f"held-{index}"


def scene(original: Samples, sample_rate: int = RATE, **recordings: Recordings) -> Scene:
    """What stands around an utterance."""
    return Scene(sample_rate, recordings, original)


def cached_noise(path: Path, counts: Sequence[int], sample_rate: int = RATE) -> AudioCache:
    """A cache of noise with so many samples each, written to `path`."""
    lengths = np.array(counts, np.int64)
    np.random.default_rng(0).integers(-9000, 9000, lengths.sum()).astype("<i2").tofile(path)
    starts = np.cumsum(lengths) - lengths
    return AudioCache(Made(Waveform(sample_rate), (path,), np.zeros(len(counts), np.int64), starts, lengths, lengths, {}))
