"""stft193 against librosa and against frames computed one by one."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from tympan.features import from_config

EXTRACTOR = from_config({"name": "stft193"})


def noise(num_samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(6).standard_normal(num_samples)).astype(np.float32)


def normalized(roots: np.ndarray) -> np.ndarray:
    return (roots - roots.mean(axis=1, keepdims=True)) / (roots.std(axis=1, keepdims=True) + 1e-10)


@pytest.mark.parametrize("num_samples", [256, 415, 416, 417, 16000])
def test_it_equals_librosa(num_samples) -> None:
    samples = noise(num_samples)
    # librosa puts the window in the middle of the FFT, TensorFlow at its start: 64 zeros on both sides undo it, but for the phase
    spectrum = librosa.stft(np.pad(samples, 64).astype(np.float64), n_fft=384, hop_length=160, win_length=256, window="hann", center=False)
    expected = normalized(np.abs(spectrum).T ** 0.5)
    assert EXTRACTOR(samples).shape == expected.shape
    assert np.abs(EXTRACTOR(samples) - expected).max() < 1e-4


def test_the_window_is_periodic_and_padded_at_the_end() -> None:
    samples = noise(256)
    window = np.array([np.sin(np.pi * i / 256) ** 2 for i in range(256)])
    expected = normalized(np.abs(np.fft.rfft(np.concatenate([samples * window, np.zeros(128)])))[None] ** 0.5)
    assert np.abs(EXTRACTOR(samples) - expected).max() < 1e-6


def test_every_frame_has_mean_zero_and_std_one() -> None:
    features = EXTRACTOR(noise(5000)).astype(np.float64)
    assert np.abs(features.mean(axis=1)).max() < 1e-6
    assert np.abs(features.std(axis=1) - 1).max() < 1e-6


def test_silence_gives_zeros() -> None:
    assert not EXTRACTOR(np.zeros(1000, np.float32)).any()


def test_the_rate_changes_the_clock_only() -> None:
    samples = noise(4000)
    other = from_config({"name": "stft193", "sample_rate": 16000})
    assert np.array_equal(EXTRACTOR(samples), other(samples))
    assert (EXTRACTOR.frame_shift_s, other.frame_shift_s) == (160 / 22050, 0.01)


def test_shorter_than_a_window_gives_no_frame() -> None:
    assert EXTRACTOR(noise(255)).shape == (0, 193)
