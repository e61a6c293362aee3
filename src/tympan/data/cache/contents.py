"""What may be kept of a recording, so that it need not be decoded again: its samples, its features, or its length alone."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.errors import AudioError
from tympan.features import Extractor

SCALE = 32768  # int16 full range; the quantisation is 98 dB below it
PROBE_SAMPLES = 4000  # a quarter of a second shows whether a front end still computes what it did

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Kept:
    """What is kept of one recording: how many samples it has, and rows of the content's kind."""

    samples: int
    rows: npt.NDArray[Any]


class Content(Protocol):
    """A kind of content; whatever changes its bytes must change its name.

    Attributes:
        name: of the folder, and part of every shard's hash.
        suffix: of data files.
        sample_rate: Hz.
        dtype, width: of a row; a width of 0 is a single number.
        bytes_per_second: of audio.
    """

    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def width(self) -> int: ...

    @property
    def bytes_per_second(self) -> float: ...

    def take(self, path: Path) -> Kept:
        """Read a recording.

        Raises:
            AudioError: it cannot be read.
            TruncatedAudioWarning: it ends early, within `truncation_is_an_error`.
        """
        ...


@dataclass(frozen=True)
class Waveform:
    """Decoded samples, 16 bits each."""

    sample_rate: int
    suffix = ".pcm"
    dtype = np.dtype("<i2")
    width = 0

    @property
    def name(self) -> str:
        return f"waveform-{self.sample_rate}"

    @property
    def bytes_per_second(self) -> float:
        return float(self.sample_rate * self.dtype.itemsize)

    def take(self, path: Path) -> Kept:
        rows = quantized(audio.read(path, self.sample_rate))
        return Kept(len(rows), rows)


@dataclass(frozen=True)
class FrameFeatures:
    """Features (T, F) before normalisation, float32: those of the samples that `Waveform` keeps, to the bit."""

    extractor: Extractor
    suffix = ".f32"
    dtype = np.dtype("<f4")

    @cached_property
    def name(self) -> str:
        """With a hash of what the front end makes of a fixed noise, to a hundredth: a change of its arithmetic is another content."""
        probe = np.random.default_rng(0).uniform(-0.5, 0.5, PROBE_SAMPLES).astype(np.float32)
        made = np.round(self.extractor(probe).astype(np.float64), 2) + 0.0
        digest = hashlib.sha256(json.dumps(self.extractor.config(), sort_keys=True).encode() + made.tobytes())
        return f"features-{self.extractor.name}-{digest.hexdigest()[:12]}"

    @property
    def sample_rate(self) -> int:
        return self.extractor.sample_rate

    @property
    def width(self) -> int:
        return self.extractor.num_features

    @property
    def bytes_per_second(self) -> float:
        return self.width * self.dtype.itemsize / self.extractor.frame_shift_s

    def take(self, path: Path) -> Kept:
        samples = restored(quantized(audio.read(path, self.sample_rate)))
        return Kept(len(samples), self.extractor(samples))


@dataclass(frozen=True)
class Lengths:
    """No sound, only how long it is: by the header, or by decoding where it does not tell."""

    sample_rate: int
    suffix = ".none"
    dtype = np.dtype("<i2")
    width = 0
    bytes_per_second = 0.0

    @property
    def name(self) -> str:
        return f"lengths-{self.sample_rate}"

    def take(self, path: Path) -> Kept:
        duration_s = audio.info(path).duration_s
        samples = len(audio.read(path, self.sample_rate)) if duration_s is None else round(duration_s * self.sample_rate)
        if not samples:
            raise AudioError(f"{path} holds no samples.")
        return Kept(samples, np.zeros(0, self.dtype))


def quantized(samples: Samples) -> npt.NDArray[np.int16]:
    """[-1, 1] -> 16 bits."""
    return np.clip(np.rint(samples * SCALE), -SCALE, SCALE - 1).astype(np.int16)


def restored(samples: npt.NDArray[np.int16]) -> Samples:
    """16 bits -> [-1, 1)."""
    return samples.astype(np.float32) / np.float32(SCALE)


@contextmanager
def truncation_is_an_error() -> Iterator[None]:
    """A recording that ends early raises: half of the audio under the whole transcript teaches a network to invent.

    The filter is the whole process's, so it is set once, around threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", audio.TruncatedAudioWarning)
        yield
