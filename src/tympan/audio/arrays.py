"""Arrays of samples as a recording: float in [-1, 1], or PCM integers scaled by their full range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tympan.audio.raw import CHUNK_FRAMES, AudioInfo, RawAudio, check_header
from tympan.errors import AudioError, ShapeError

_MOST_CHANNELS = 64
# dtype -> (zero, full range): value / 2**(bits - 1), unsigned bytes around 128 as in WAV
_PCM = {"int16": (0.0, 2.0**15), "int32": (0.0, 2.0**31), "uint8": (128.0, 2.0**7)}


def open_array(samples: npt.NDArray[Any], sample_rate: int) -> RawAudio:
    """Take (N,) or (N, C) samples of float16/32/64, int16, int32 or uint8.

    Raises:
        AudioError: another dtype, or an impossible rate.
        ShapeError: not (N,) or (N, C), or more than 64 channels, which is nearly always (C, N).
    """
    if samples.ndim not in (1, 2):
        raise ShapeError(f"An array of audio must be (N,) or (N, C), not {samples.shape}.")
    if samples.ndim == 2 and samples.shape[1] > _MOST_CHANNELS:
        raise ShapeError(
            f"An array of audio of shape {samples.shape} would have {samples.shape[1]} channels.", "If it is (C, N), give samples.T"
        )
    dtype = samples.dtype.name
    if dtype not in _PCM and samples.dtype.kind != "f":
        raise AudioError(f"An array of audio cannot be {dtype}.", "Give float in [-1, 1], int16, int32 or uint8.")
    channels = samples.shape[1] if samples.ndim == 2 else 1
    check_header("The array of audio", sample_rate, channels)
    details = AudioInfo(sample_rate, channels, len(samples) / sample_rate, f"array {dtype}")
    return RawAudio("The array of audio", details, _chunks(samples.reshape(len(samples), channels)), lambda: None)


def _chunks(samples: npt.NDArray[Any]) -> Iterator[npt.NDArray[np.float32]]:
    zero, full_range = _PCM.get(samples.dtype.name, (0.0, 1.0))
    for first in range(0, len(samples), CHUNK_FRAMES):
        chunk = samples[first : first + CHUNK_FRAMES]
        if samples.dtype.kind == "f":
            yield chunk.astype(np.float32)
        else:
            yield ((chunk.astype(np.float64) - zero) / full_range).astype(np.float32)
