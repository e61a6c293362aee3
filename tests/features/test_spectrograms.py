"""spec160 and spec161 against librosa, told the values of OpenSeq2Seq and deepspeech.pytorch."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from tympan.features import from_config


def librosas(samples: np.ndarray, window) -> np.ndarray:
    """Magnitudes (T, 161); the edges are padded here for the reason that tests/features/test_mel128.py gives."""
    padded = np.pad(samples.astype(np.float64), 160, mode="reflect")
    return np.abs(librosa.stft(padded, n_fft=320, hop_length=160, window=window, center=False)).T


def noise(num_samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(5).standard_normal(num_samples)).astype(np.float32)


@pytest.mark.parametrize("bins", [160, 96])
@pytest.mark.parametrize("num_samples", [161, 320, 16123])
def test_spec160_is_the_lower_part_of_librosas_power_in_decibels(bins, num_samples) -> None:
    samples = noise(num_samples)
    expected = 10 * np.log10(librosas(samples, np.hanning)[:, :bins] ** 2)
    found = from_config({"name": "spec160", "bins": bins})(samples)
    assert found.shape == expected.shape == (num_samples // 160 + 1, bins)
    assert np.abs(found - expected).max() < 1e-4


def test_spec160_of_silence_is_its_floor() -> None:
    assert (from_config({"name": "spec160"})(np.zeros(999, np.float32)) == -300).all()


@pytest.mark.parametrize("num_samples", [161, 320, 16123])
def test_spec161_is_the_logarithm_of_one_and_librosas_magnitude(num_samples) -> None:
    samples = noise(num_samples)
    expected = np.log1p(librosas(samples, "hamming"))
    found = from_config({"name": "spec161"})(samples)
    assert found.shape == expected.shape == (num_samples // 160 + 1, 161)
    assert np.abs(found - expected).max() < 1e-6
