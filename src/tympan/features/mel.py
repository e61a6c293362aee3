"""Triangular mel filters, and their application one row at a time.

A matrix product would be the short way, but BLAS chooses its order of additions by the number of rows: a frame computed alone would
differ in its last bits from the same frame among others, and a stream from the whole. Triangles are sparse (each bin lies in two of
them at most), so gathering the nonzero weights and adding along the row is exact in this sense and also cheap.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class FilterBank:
    """Filters as runs of nonzero weights.

    Args:
        weights: (F, bins) float64, each row one triangle; a row may be empty (all zero) and then gives 0.
    """

    def __init__(self, weights: Array) -> None:
        self.weights = weights
        filters, self._bins = np.nonzero(weights)  # sorted by filter, then by bin
        self._values = weights[filters, self._bins]
        self._filled, self._starts = np.unique(filters, return_index=True)

    @property
    def empty(self) -> tuple[int, ...]:
        """Indices of filters that no FFT bin falls into (correction C17: too many filters for the FFT)."""
        return tuple(int(i) for i in np.flatnonzero(~self.weights.any(axis=1)))

    def __call__(self, spectrum: Array) -> Array:
        """Apply to spectrum (t, bins); returns (t, F)."""
        products = np.take(spectrum, self._bins, axis=1)
        products *= self._values
        sums = np.add.reduceat(products, self._starts, axis=1)
        if len(self._filled) == len(self.weights):
            return sums
        # reduceat has no empty runs: it would answer with the next filter's first product
        mels = np.zeros((len(spectrum), len(self.weights)))
        mels[:, self._filled] = sums
        return mels


def hz_to_mel(hz: Array) -> Array:
    """HTK's and Kaldi's mel scale: 1127 ln(1 + f / 700), the same as 2595 log10(1 + f / 700) to four digits."""
    return 1127.0 * np.log1p(hz / 700.0)


def kaldi_filters(num_mels: int, fft_length: int, sample_rate: int, low_hz: float, high_hz: float) -> Array:
    """Return (num_mels, fft_length // 2 + 1) triangles that are straight lines on the mel axis.

    Source: kaldi-asr/kaldi, src/feat/mel-computations.cc, without vocal tract warping. Kaldi leaves the Nyquist bin out.
    """
    low, high = hz_to_mel(np.array([low_hz, high_hz]))
    edges: Array = np.linspace(low, high, num_mels + 2)
    bins: Array = np.arange(fft_length // 2 + 1, dtype=np.float64) * (sample_rate / fft_length)
    weights = triangles(hz_to_mel(bins), edges)
    weights[:, -1] = 0.0
    return weights


def htk_filters(num_mels: int, fft_length: int, sample_rate: int, low_hz: float, high_hz: float) -> Array:
    """Return (num_mels, fft_length // 2 + 1) triangles that are straight lines on the frequency axis, height 1, no area norm.

    Source: pytorch/audio, functional.melscale_fbanks with mel_scale="htk", norm=None.
    """
    scale = 2595.0 / np.log(10.0)  # to the last digit here, so that the edges are the original's
    low, high = scale * np.log1p(np.array([low_hz, high_hz]) / 700.0)
    mels: Array = np.linspace(low, high, num_mels + 2)
    bins: Array = np.linspace(0.0, sample_rate / 2, fft_length // 2 + 1)
    return triangles(bins, 700.0 * np.expm1(mels / scale))


def slaney_filters(num_mels: int, fft_length: int, sample_rate: int, low_hz: float, high_hz: float) -> Array:
    """Return (num_mels, fft_length // 2 + 1) triangles on Slaney's scale, each divided by half its width in Hz, so that areas are 1.

    The scale is linear up to 1000 Hz (15 mels), then logarithmic (27 mels for a factor of 6.4).

    Source: Slaney 1998, Auditory Toolbox; the same numbers as librosa's filters.mel with its defaults.
    """
    low, high = (min(hz, 1000.0) * 3 / 200 + 27 * np.log(max(hz, 1000.0) / 1000.0) / np.log(6.4) for hz in (low_hz, high_hz))
    mels: Array = np.linspace(low, high, num_mels + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000.0 * np.exp(np.log(6.4) / 27 * (mels - 15)))
    bins: Array = np.linspace(0.0, sample_rate / 2, fft_length // 2 + 1)
    return triangles(bins, edges) * (2.0 / (edges[2:] - edges[:-2]))[:, None]


def triangles(bins: Array, edges: Array) -> Array:
    """Return (len(edges) - 2, len(bins)): filter m rises from edges[m] to edges[m + 1] and falls to edges[m + 2]."""
    left, centre, right = (edges[i : len(edges) - 2 + i, None] for i in range(3))
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))
