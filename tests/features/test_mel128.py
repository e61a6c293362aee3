"""mel128 against librosa, told torchaudio's defaults, and against the torch.stft that torchaudio calls."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest
import torch

from tympan.features import from_config

POWER = from_config({"name": "mel128"})
LOG = from_config({"name": "mel128", "log": True})


def noise(num_samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(5).standard_normal(num_samples)).astype(np.float32)


def librosas(samples: np.ndarray) -> np.ndarray:
    """Mel power (T, 128), float64.

    The edges are padded here: librosa 0.11 pads the last frames by themselves, and where N is a multiple of the hop it reflects a
    piece of 200 samples by 200, one too many, so that its very last sample differs from torch's and NumPy's.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Empty filters", UserWarning)  # they are the subject of a test below
        weights = librosa.filters.mel(sr=16000, n_fft=400, n_mels=128, fmin=0.0, fmax=8000.0, htk=True, norm=None, dtype=np.float64)
    padded = np.pad(samples.astype(np.float64), 200, mode="reflect")
    spectrum = librosa.stft(padded, n_fft=400, hop_length=200, window="hann", center=False)
    return (weights @ np.abs(spectrum) ** 2).T


@pytest.mark.parametrize("num_samples", [201, 399, 400, 401, 599, 16000, 16123])
def test_power_equals_librosa(num_samples) -> None:
    samples = noise(num_samples)
    expected = librosas(samples)
    assert POWER(samples).shape == expected.shape
    assert np.allclose(POWER(samples), expected, rtol=1e-6, atol=1e-12)


def test_log_equals_librosa_to_five_digits() -> None:
    samples = noise(16000)
    assert np.abs(LOG(samples) - np.log(np.maximum(librosas(samples), 1e-10))).max() < 1e-5


@pytest.mark.parametrize("num_samples", [201, 400, 599, 16000])
def test_power_equals_the_centred_stft_that_torchaudio_calls(num_samples) -> None:
    samples = torch.from_numpy(noise(num_samples)).double()
    window = torch.hann_window(400, dtype=torch.float64)
    spectrum = torch.stft(samples, 400, 200, window=window, center=True, pad_mode="reflect", return_complex=True)  # (201, T)
    expected = (spectrum.abs() ** 2).T.numpy() @ POWER.filters.weights.T
    assert POWER(noise(num_samples)).shape == expected.shape
    assert np.allclose(POWER(noise(num_samples)), expected, rtol=1e-6, atol=1e-12)


def test_exactly_four_filters_are_empty_and_their_features_constant() -> None:
    assert len(POWER.filters.empty) == 4
    constant = np.flatnonzero(np.ptp(POWER(noise(8000)), axis=0) == 0)
    assert tuple(constant) == POWER.filters.empty
    assert (LOG(noise(8000))[:, constant] == np.float32(np.log(1e-10))).all()


def test_log_is_the_logarithm_of_the_power() -> None:
    samples = noise(4000)
    assert np.allclose(LOG(samples), np.log(np.maximum(POWER(samples), 1e-10)), atol=1e-5)


@pytest.mark.parametrize(("num_samples", "frames"), [(1, 1), (2, 1), (150, 1), (199, 1), (200, 2)])
def test_a_recording_too_short_to_reflect_is_mirrored_to_and_fro(num_samples, frames) -> None:
    samples = noise(num_samples)
    padded = np.pad(samples, 200, mode="reflect")
    expected = np.stack([np.abs(np.fft.rfft(padded[200 * t :][:400] * np.hanning(401)[:400])) ** 2 for t in range(frames)])
    assert np.allclose(POWER(samples), expected @ POWER.filters.weights.T, rtol=1e-5, atol=1e-9)


def test_the_first_frame_comes_after_201_samples_and_the_last_at_the_end() -> None:
    stream = POWER.stream()
    samples = noise(400)
    assert len(stream.accept(samples[:200])) == 0
    assert len(stream.accept(samples[200:201])) == 1
    assert len(stream.accept(samples[201:])) == 1
    assert len(stream.finish()) == 1
