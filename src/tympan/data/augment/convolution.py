"""Convolution of an utterance with a filter or a room, by Fourier transforms."""

from __future__ import annotations

import numpy as np

from tympan.data.augment.recordings import Samples

# Lengths that split into small primes, as multiples of a power of two: at most 20 % above what is needed.
STEPS = (16, 18, 20, 24, 25, 27, 30, 32)


def convolve(samples: Samples, response: Samples, start: int) -> Samples:
    """Convolve (N,) with (K,), both not empty, and give N samples of the result from `start` on, 0 <= start < K."""
    size = transform_length(len(samples) + len(response) - 1)
    whole = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return whole[start : start + len(samples)].astype(np.float32, copy=False)


def transform_length(least: int) -> int:
    """A length of at least `least` that a fast Fourier transform likes."""
    unit = 1 << max(0, (least - 1).bit_length() - 5)
    return next(step * unit for step in STEPS if step * unit >= least)
