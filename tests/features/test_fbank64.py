"""fbank64 against NeMo's steps, done with torch.stft and librosa's filters."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from tympan.features import from_config

EXTRACTOR = from_config({"name": "fbank64"})


def nemos(samples: np.ndarray) -> np.ndarray:
    """(T, 64) in float64: pre-emphasis of the whole signal, centred STFT with the window in the FFT's middle, power, mels, log."""
    signal = torch.from_numpy(samples).double()
    emphasised = torch.cat([signal[:1], signal[1:] - 0.97 * signal[:-1]])
    window = torch.hann_window(320, periodic=False, dtype=torch.float64)
    spectrum = torch.stft(emphasised, 512, 160, 320, window, center=True, pad_mode="reflect", return_complex=True)  # (257, T)
    mels = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64, fmin=0, fmax=8000, dtype=np.float64) @ (spectrum.abs() ** 2).numpy()
    return np.log(mels + 2.0**-24).T


@pytest.mark.parametrize("num_samples", [320, 1000, 16000])
def test_features_are_nemos_where_no_window_touches_an_edge(num_samples) -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(num_samples)).astype(np.float32)
    assert EXTRACTOR(samples).shape == nemos(samples).shape
    assert np.abs(EXTRACTOR(samples) - nemos(samples))[2:-2].max(initial=0) < 1e-5


def test_silence_is_the_guard() -> None:
    assert np.allclose(EXTRACTOR(np.zeros(1000, np.float32)), -24 * np.log(2))


def test_no_filter_is_empty() -> None:
    assert EXTRACTOR.filters.empty == ()
