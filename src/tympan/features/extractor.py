"""What every front end shares: framing, and the two life cycles that must give the same bits.

Whole:     features = extractor(samples)

Stream:    stream = extractor.stream()
           for piece in pieces:
               features = stream.accept(piece)      # the frames that are complete by now, (t, F)
           features = stream.finish()               # the frames that the end of the recording completes

The whole is written with the stream's steps: samples are cut into frames by one function, and each frame is computed from its own
samples alone, in an order of operations that does not depend on its neighbours. So any cutting gives the whole, bit for bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tympan.errors import ShapeError, TympanError

Samples = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]

BLOCK_FRAMES = 128  # frames computed at once: 128 x 512 float64 is half a megabyte, which stays in a core's second-level cache


class Extractor(ABC):
    """A front end: samples (N,) float32 in [-1, 1] -> features (T, F) float32.

    An extractor holds constants only, so one may serve many threads; what a recording needs lives in its `Stream`.

    Attributes:
        name: the key by which `from_config` finds it.
        choices: option -> the values it may take, the default first; each is a keyword of the constructor and an attribute.
        sample_rate: of the samples it expects, in Hz; nothing is resampled here.
        num_features: F.
        window_length: samples that one frame sees.
        hop_length: samples from one frame's start to the next one's; never more than window_length.
        window: (window_length,) weights of a frame's samples.
        padding: samples reflected at both ends, 0 where frames are not centred.
    """

    name: ClassVar[str]
    choices: ClassVar[Mapping[str, tuple[object, ...]]] = MappingProxyType({})
    sample_rate: int
    num_features: int
    window_length: int
    hop_length: int
    window: npt.NDArray[np.float64]
    padding: int = 0

    @property
    def frame_shift_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop_length / self.sample_rate

    def config(self) -> dict[str, object]:
        """Describe this extractor such that `from_config` builds an equal one: every option, only JSON values."""
        return {"name": self.name, **{option: getattr(self, option) for option in self.choices}}

    @abstractmethod
    def compute(self, frames: Samples) -> Features:
        """Turn cut frames (t, window_length) into features (t, F); each row from its own frame alone, t at most BLOCK_FRAMES."""

    def num_frames(self, num_samples: int) -> int:
        """Return T for N samples, in closed form: floor((N + 2 padding - window) / hop) + 1, and 0 where no frame fits."""
        padded = num_samples + 2 * self.padding
        if num_samples == 0 or padded < self.window_length:
            return 0
        return (padded - self.window_length) // self.hop_length + 1

    def stream(self) -> Stream:
        """Begin a recording that arrives in pieces."""
        return Stream(self)

    def __call__(self, samples: npt.NDArray[Any]) -> Features:
        """Compute the features of a whole recording.

        Args:
            samples: (N,) floating point in [-1, 1] at `sample_rate`; N = 0 is allowed.

        Returns:
            (num_frames(N), F) float32.

        Raises:
            ShapeError: samples are not one-dimensional.
            TympanError: samples are integers, which would be 32768 times too loud.
        """
        checked = check_samples(samples)
        features = np.empty((self.num_frames(len(checked)), self.num_features), np.float32)
        stream = self.stream()
        done = stream._write(checked, features)
        stream._write_end(features[done:])
        return features

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config()})"


class Stream:
    """One recording on its way through an extractor; not to be shared between threads.

    Memory is bounded: less than one window of samples (and the reflected edge) is kept between two calls.
    """

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self._held = np.empty(0, np.float32)  # begins where the next frame begins, once the left edge is padded
        self._edge = np.empty(0, np.float32)  # the last padding + 1 samples, to be reflected at the end
        self._accepted = 0
        self._finished = False

    def accept(self, samples: npt.NDArray[Any]) -> Features:
        """Take the next samples (n,) and return the frames that are complete by now, (t, F) with t >= 0.

        Raises:
            ShapeError, TympanError: as for the whole; or the stream is already finished.
        """
        checked = check_samples(samples)
        features = np.empty((self._frames_after(len(checked)), self._extractor.num_features), np.float32)
        self._write(checked, features)
        return features

    def finish(self) -> Features:
        """Return the frames that only the end of the recording completes, (t, F); nothing can be accepted afterwards."""
        extractor = self._extractor
        before = self._frames_complete(self._accepted)
        features = np.empty((extractor.num_frames(self._accepted) - before, extractor.num_features), np.float32)
        self._write_end(features)
        return features

    def _frames_complete(self, num_samples: int) -> int:
        """Count the frames that no later sample can change."""
        extractor = self._extractor
        available = num_samples + extractor.padding
        if num_samples <= extractor.padding or available < extractor.window_length:
            return 0
        return (available - extractor.window_length) // extractor.hop_length + 1

    def _frames_after(self, num_new: int) -> int:
        return self._frames_complete(self._accepted + num_new) - self._frames_complete(self._accepted)

    def _write(self, samples: Samples, features: Features) -> int:
        """Fill the first rows of features with the frames that samples complete; return how many."""
        if self._finished:
            raise TympanError("This feature stream is finished and takes no more samples.", "Begin a recording with extractor.stream().")
        done = 0
        step = BLOCK_FRAMES * self._extractor.hop_length  # an hour is never copied as one
        for start in range(0, len(samples), step):
            done += self._write_block(samples[start : start + step], features[done:])
        return done

    def _write_block(self, samples: Samples, features: Features) -> int:
        padding = self._extractor.padding
        self._held = np.concatenate([self._held, samples])
        before = self._accepted
        self._accepted += len(samples)
        if padding:
            self._edge = np.concatenate([self._edge, samples])[-(padding + 1) :]
            if self._accepted <= padding:  # the left edge is not yet known
                return 0
            if before <= padding:
                self._held = np.concatenate([self._held[padding:0:-1], self._held])
        return self._write_frames(features)

    def _write_end(self, features: Features) -> int:
        if self._finished:
            raise TympanError("This feature stream is already finished.", "Begin a recording with extractor.stream().")
        self._finished = True
        padding = self._extractor.padding
        if padding and 0 < self._accepted <= padding:
            positions = np.arange(-padding, self._accepted + padding)
            self._held = self._held[reflect(positions, self._accepted)]
        elif padding and self._accepted:
            self._held = np.concatenate([self._held, self._edge[-2::-1]])
        return self._write_frames(features)

    def _write_frames(self, features: Features) -> int:
        extractor = self._extractor
        window, hop = extractor.window_length, extractor.hop_length
        done = 0
        while len(self._held) >= window:
            frames = np.lib.stride_tricks.sliding_window_view(self._held, window)[::hop][:BLOCK_FRAMES]
            features[done : done + len(frames)] = extractor.compute(frames)
            done += len(frames)
            self._held = self._held[len(frames) * hop :]
        return done


def reflect(positions: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """Map positions outside 0..length-1 to samples inside, mirrored at the first and the last sample, which are not repeated.

    A recording no longer than the padding has too few samples for one reflection (torch and librosa refuse it): there the mirror
    image is mirrored again, to and fro, with period 2 (length - 1); a single sample is repeated.
    """
    period = max(1, 2 * (length - 1))
    wrapped = positions % period
    return np.minimum(wrapped, period - wrapped) if length > 1 else np.zeros_like(positions)


def check_samples(samples: npt.NDArray[Any]) -> Samples:
    """Return samples as float32, or say what is wrong with their shape or type."""
    array = np.asarray(samples)
    if array.ndim != 1:
        raise ShapeError(f"Samples have shape {array.shape}, but a front end takes one channel, (N,).", "Mix or choose a channel first.")
    if not np.issubdtype(array.dtype, np.floating):
        raise TympanError(f"Samples are {array.dtype}, but a front end takes float32 in [-1, 1].", "Divide 16-bit integers by 32768.")
    return array.astype(np.float32, copy=False)
