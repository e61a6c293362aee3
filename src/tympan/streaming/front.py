"""Audio as it comes -> features as they are complete, and how loud each was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tympan.audio.raw import HIGHEST_RATE, LOWEST_RATE
from tympan.audio.segment import frame_loudness
from tympan.errors import AudioError
from tympan.features import Extractor, Normalization
from tympan.features.normalize import Running

Array = npt.NDArray[np.float32]
QUALITY = "HQ"


class Resampled:
    """Packets at any rate -> samples at the model's rate, the same however the packets were cut.

    Args:
        sample_rate: of the model, Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.source_rate = 0  # not known yet
        self.accepted = 0  # samples at the source's rate
        self.stream: Any = None

    def accept(self, samples: npt.NDArray[Any], source_rate: int | None) -> Array:
        """The next packet (n,) or (n, channels).

        Raises:
            AudioError: not audio, or another rate than before.
        """
        rate = source_rate or self.source_rate or self.sample_rate
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(f"A sample rate of {rate} Hz is not from {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz.")
        if self.source_rate not in (0, rate):
            raise AudioError(f"The stream began at {self.source_rate} Hz and goes on at {rate} Hz.", "Begin a new stream.")
        mono = as_mono(samples)
        self.source_rate = rate
        self.accepted += len(mono)
        if rate == self.sample_rate:
            return mono
        if self.stream is None:
            import soxr

            self.stream = soxr.ResampleStream(rate, self.sample_rate, 1, dtype="float32", quality=QUALITY)
        resampled: Array = np.clip(self.stream.resample_chunk(mono), -1.0, 1.0)
        return resampled

    def end(self) -> Array:
        """What the resampler still holds; then it begins anew."""
        if self.stream is None:
            return np.zeros(0, np.float32)
        rest: Array = np.clip(self.stream.resample_chunk(np.zeros(0, np.float32), last=True), -1.0, 1.0)
        self.stream = None
        return rest

    @property
    def seconds(self) -> float:
        """Of audio that was accepted."""
        return self.accepted / (self.source_rate or self.sample_rate)


def as_mono(samples: npt.NDArray[Any]) -> Array:
    """(n,) or (n, channels) of int16 or floating point -> (n,) float32 within [-1, 1]; AudioError for anything else."""
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or (array.dtype != np.int16 and array.dtype.kind != "f"):
        raise AudioError(f"A stream takes samples (n,) of int16 or floating point, not {array.shape} of {array.dtype}.")
    values = array.astype(np.float32) / 32768 if array.dtype == np.int16 else array.astype(np.float32, copy=False)
    if values.ndim == 2:
        values = values.mean(axis=1)
    if not np.isfinite(values).all():
        raise AudioError("The stream holds NaN or infinite samples.", "Mend what records it.")
    return np.ascontiguousarray(np.clip(values, -1.0, 1.0))


class Front:
    """Samples at the model's rate -> normalised features, frame by frame, and the loudness of each.

    Args:
        extractor: the front end.
        normalization: one that needs no future.
        running: of a stream before, to go on from its statistics.
        keep: keep the features, not normalised, until they are released.
    """

    def __init__(self, extractor: Extractor, normalization: Normalization, running: Running | None = None, *, keep: bool = False) -> None:
        self.extractor = extractor
        self.features = extractor.stream()
        self.running = running or (Running(normalization) if normalization.mode == "running" else None)
        self.normalization = normalization
        self.held = np.zeros(0, np.float32)  # of a frame's hop that is not complete
        self.loudness: Array = np.zeros(0, np.float32)  # dBFS of frames that were not taken yet
        self.ready: Array = np.zeros((0, extractor.num_features), np.float32)
        self.kept: list[Array] | None = [] if keep else None

    def accept(self, samples: Array) -> None:
        """Take samples (n,)."""
        if not len(samples):
            return
        hop = self.extractor.hop_length
        self.held = np.concatenate((self.held, samples))
        whole = len(self.held) // hop * hop
        self.loudness = np.concatenate((self.loudness, frame_loudness(self.held[:whole], hop).astype(np.float32)))
        self.held = self.held[whole:]
        self.add(self.features.accept(samples))

    def end(self) -> None:
        """Complete the last frames."""
        self.add(self.features.finish())

    def add(self, features: Array) -> None:
        """Features that are complete, normalised."""
        if len(features):
            normalized = self.running(features) if self.running is not None else self.normalization(features)
            self.ready = np.concatenate((self.ready, normalized))
            if self.kept is not None:
                self.kept.append(features)

    def release(self, frames: int | None) -> Array:
        """The first `frames` of the features that were kept (t, F), all for None; they are kept no longer."""
        assert self.kept is not None
        kept = np.concatenate((self.ready[:0], *self.kept))
        self.kept = [] if frames is None else [kept[frames:].copy()]
        return kept[:frames]

    def take(self, frames: int) -> tuple[Array, Array]:
        """Up to `frames` features (t, F), and their loudness (t,)."""
        features, self.ready = self.ready[:frames], self.ready[frames:]
        loudness, self.loudness = self.loudness[: len(features)], self.loudness[len(features) :]
        if len(loudness) < len(features):  # the last frames reach beyond the audio
            loudness = np.append(loudness, np.full(len(features) - len(loudness), loudness[-1] if len(loudness) else -70, np.float32))
        return features, loudness
