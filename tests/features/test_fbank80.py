"""fbank80 against kaldi-native-fbank."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np
import pytest

from tympan.features import from_config

EXTRACTOR = from_config({"name": "fbank80"})


def kaldi(samples: np.ndarray) -> np.ndarray:
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = 16000
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 7600
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(16000, samples.tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])


def vowels(num_samples: int) -> np.ndarray:
    """A gliding harmonic tone over noise, with a constant offset: every band holds energy, as in speech."""
    rng = np.random.default_rng(3)
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(np.arange(num_samples) / 4000)) / 16000
    tone = sum(np.sin(k * phase) / k for k in range(1, 30))
    return (0.1 * tone + 0.01 * rng.standard_normal(num_samples) + 0.02).astype(np.float32)


def test_a_voiced_signal_equals_kaldi_to_four_digits() -> None:
    samples = vowels(48000)
    assert EXTRACTOR(samples).shape == kaldi(samples).shape
    assert np.abs(EXTRACTOR(samples) - kaldi(samples)).max() < 1e-4


def test_noise_equals_kaldi_except_for_the_float32_rounding_of_nearly_empty_bands() -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(160000)).astype(np.float32)
    ours, theirs = EXTRACTOR(samples), kaldi(samples)
    heard = ours > ours.max(axis=1, keepdims=True) - 10  # e^-10 in power: Kaldi's float32 FFT errs there by some 1e-5
    assert heard.mean() > 0.9
    assert np.abs(ours - theirs)[heard].max() < 1e-4
    assert np.abs(ours - theirs).max() < 1e-3


@pytest.mark.parametrize("num_samples", [400, 401, 559, 560, 561, 1000])
def test_the_edges_are_kaldis(num_samples) -> None:
    samples = vowels(num_samples)
    assert EXTRACTOR(samples).shape == kaldi(samples).shape
    assert np.abs(EXTRACTOR(samples) - kaldi(samples)).max() < 1e-4


def test_silence_is_kaldis_floor() -> None:
    silence = np.zeros(1000, np.float32)
    assert np.array_equal(EXTRACTOR(silence), kaldi(silence))
    assert EXTRACTOR(silence)[0, 0] == pytest.approx(np.log(2.0**-23))


def test_shorter_than_a_window_gives_no_frame() -> None:
    assert EXTRACTOR(np.ones(399, np.float32)).shape == (0, 80)


def test_no_filter_is_empty() -> None:
    assert EXTRACTOR.filters.empty == ()


def test_the_integer_scale_of_kaldi_is_a_constant_apart() -> None:
    samples = vowels(16000)
    assert np.abs(kaldi(samples * 32768) - EXTRACTOR(samples) - 2 * np.log(32768)).max() < 1e-4


def test_a_constant_offset_is_removed() -> None:
    samples = vowels(4000)
    assert np.abs(EXTRACTOR(samples + np.float32(0.25)) - EXTRACTOR(samples)).max() < 1e-3
