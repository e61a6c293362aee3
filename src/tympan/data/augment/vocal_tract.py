"""Vocal tract length: formants move, pitch and time stay, as if somebody taller or smaller spoke.

Source: Jaitly and Hinton 2013, Vocal tract length perturbation improves speech recognition, with its equation for the warp.
The paper warps the mel filters; here the spectral envelope of the samples is warped, so that it serves every front end.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between

FRAME_S = 0.025  # rounded to a power of two of samples
KNEE = 0.6  # of the Nyquist frequency, 4,800 Hz at 16 kHz as in the paper; above, the warp bends back to the Nyquist frequency
MOST_GAIN = 3.0  # nepers, 26 dB: the floor of a band without sound is not lifted further
FLOOR = 1e-4  # white noise, 40 dB below the frame, that keeps linear prediction stable


class VocalTract(Section):
    """`warp` is the factor of frequencies: above 1 for a shorter tract, as of children."""

    probability: Probability = 0.5
    warp: Annotated[Range, between(0.5, 2)] = (0.9, 1.1)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        factor = float(rng.uniform(*self.warp))
        return warp_envelope(samples, factor, scene.sample_rate), f"vocal tract {factor:.2f}"


def warp_envelope(samples: Samples, factor: float, sample_rate: int) -> Samples:
    """Move the spectral envelope from f to `factor` f; length, pitch and phase stay."""
    size = max(16, 1 << round(np.log2(FRAME_S * sample_rate)))
    hop = size // 2
    count = -(-len(samples) // hop) + 1
    padded = np.zeros((count + 1) * hop, np.float32)
    padded[hop : hop + len(samples)] = samples
    # The square root of Hann's window, before and after: at half its length apart, the squares sum to 1.
    window = np.sin(np.pi * np.arange(size) / size).astype(np.float32)
    spectrum = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window)  # (t, size / 2 + 1)
    order = 2 + sample_rate // 1000  # two poles for each formant, one formant a kHz below half the rate
    spectrum *= np.exp(warp_gain(log_envelope(np.abs(spectrum) ** 2, min(order, size // 4)), factor))
    frames = np.fft.irfft(spectrum, size).astype(np.float32) * window
    joined = np.zeros_like(padded)
    joined[:-hop] += frames[:, :hop].ravel()
    joined[hop:] += frames[:, hop:].ravel()
    return joined[hop : hop + len(samples)]


def log_envelope(energies: Samples, order: int) -> Samples:
    """Natural log of the amplitude envelope (t, F) of frames of energies (t, F), but for a constant: 1 / |A| by linear prediction.

    A is found by the recursion of Levinson and Durbin, for all frames at once.
    """
    correlation = np.fft.irfft(energies)[:, : order + 1].astype(np.float64)
    left = correlation[:, 0] * (1 + FLOOR) + 1e-12
    filters = np.zeros((len(correlation), order + 1))
    filters[:, 0] = 1
    for step in range(1, order + 1):
        reflection = -(filters[:, :step] * correlation[:, step:0:-1]).sum(axis=1) / left
        filters[:, 1 : step + 1] += reflection[:, None] * filters[:, step - 1 :: -1][:, :step]
        left *= 1 - reflection**2
    response = np.fft.rfft(filters, 2 * (energies.shape[1] - 1))
    return np.asarray(-np.log(np.abs(response) + 1e-6), dtype=np.float32)


def warp_gain(envelope: Samples, factor: float) -> Samples:
    """What each bin (t, F) of a log envelope gains, in nepers, when the envelope is warped."""
    bins = envelope.shape[1]
    knee = KNEE * (bins - 1) * min(factor, 1.0)
    source = np.interp(np.arange(bins), [0, knee, bins - 1], [0, knee / factor, bins - 1])
    below = np.minimum(source.astype(np.int64), bins - 2)
    weight = (source - below).astype(np.float32)
    warped = envelope[:, below] * (1 - weight) + envelope[:, below + 1] * weight
    gain: Samples = np.clip(warped - envelope, -MOST_GAIN, MOST_GAIN)
    return gain
