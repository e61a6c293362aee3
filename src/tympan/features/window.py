"""Window functions, float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def periodic_hann(length: int) -> npt.NDArray[np.float64]:
    """Return 0.5 - 0.5 cos(2 pi i / length): zero at the first sample, its other zero one past the end (torch's and TensorFlow's)."""
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    return window


def symmetric_hann(length: int) -> npt.NDArray[np.float64]:
    """Return 0.5 - 0.5 cos(2 pi i / (length - 1)): zero at both ends (numpy's `hanning`)."""
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / (length - 1))
    return window


def periodic_hamming(length: int) -> npt.NDArray[np.float64]:
    """Return 0.54 - 0.46 cos(2 pi i / length): never zero (scipy's and librosa's `hamming`)."""
    window: npt.NDArray[np.float64] = 0.54 - 0.46 * np.cos(2.0 * np.pi * np.arange(length) / length)
    return window


def povey(length: int) -> npt.NDArray[np.float64]:
    """Return Kaldi's default window: a symmetric Hann window to the power of 0.85, zero at both ends."""
    window: npt.NDArray[np.float64] = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / (length - 1))) ** 0.85
    return window
