from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sounds import Held, power, scene, white
from tympan.data.augment.levels import mix
from tympan.data.augment.noise import Noise, coloured
from tympan.data.augment.scene import Scene


def noise_at(snr_db: float) -> Noise:
    return Noise(manifest=Path("noise.jsonl"), snr_db=(snr_db, snr_db))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5, 40.0])
@pytest.mark.parametrize(("count", "noise_count"), [(8000, 8000), (8000, 301), (500, 9000), (1, 7)])
def test_the_ratio_measured_is_the_one_asked_for(snr_db: float, count: int, noise_count: int) -> None:
    samples, noises = white(count), Held([white(noise_count, seed=1, level=0.7)])
    noisy, phrase = noise_at(snr_db).change(samples, np.random.default_rng(2), scene(samples, noise=noises))
    assert noisy.dtype == np.float32 and noisy.shape == samples.shape
    added = noisy.astype(np.float64) - samples
    assert 10 * np.log10(power(samples) / power(added)) == pytest.approx(snr_db, abs=0.05)
    assert phrase == f"noise {snr_db:.0f} dB (held-0)"


def test_noise_begins_at_a_random_place_and_goes_round() -> None:
    samples, noises = white(40), Held([np.arange(1, 11, dtype=np.float32)])
    starts = set()
    for seed in range(40):
        added = noise_at(0).change(samples, np.random.default_rng(seed), scene(samples, noise=noises))[0] - samples
        heard = np.rint(added / np.abs(added).max() * 10).astype(int)
        assert (np.diff(heard) % 10 == 1).all()
        starts.add(int(heard[0]))
    assert len(starts) > 5


@pytest.mark.parametrize("level", [0.0, 1e-7])
def test_noise_that_cannot_be_heard_is_not_raised_to_a_level(level: float) -> None:
    samples = white(50)
    np.testing.assert_allclose(mix(samples, white(50, seed=1, level=level), 10), samples, atol=1e-6)


def test_silence_stays_silent() -> None:
    assert not mix(np.zeros(50, np.float32), white(50), 10).any()


@given(low=st.floats(-40, 100), high=st.floats(-40, 100), seed=st.integers(0, 9))
def test_ratios_are_drawn_from_the_range(low: float, high: float, seed: int) -> None:
    section = Noise(manifest=Path("n.jsonl"), snr_db=(min(low, high), max(low, high)))
    samples = white(200)
    noises = Held([white(300, seed=1), white(100, seed=2)])
    _, phrase = section.change(samples, np.random.default_rng(seed), scene(samples, noise=noises))
    assert round(min(low, high)) <= float(phrase.split()[1]) <= round(max(low, high))


def test_without_recordings_noise_is_made_at_the_ratio_asked_for() -> None:
    samples = np.sin(np.arange(16_000) / 5).astype(np.float32)
    for seed in range(5):
        changed, phrase = Noise(snr_db=(12.0, 12.0)).change(samples, np.random.default_rng(seed), Scene(16_000, {}, samples))
        ratio = np.mean(samples.astype(np.float64) ** 2) / np.mean((changed - samples).astype(np.float64) ** 2)
        assert 10 * np.log10(ratio) == pytest.approx(12, abs=0.1) and phrase.startswith("noise 12 dB (f^-")


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_made_noise_falls_with_frequency_as_asked(slope: float) -> None:
    spectrum = np.abs(np.fft.rfft(coloured(1 << 16, slope, np.random.default_rng(0)).astype(np.float64))) ** 2
    low, high = spectrum[100:200].mean(), spectrum[10_000:20_000].mean()
    assert np.log(low / high) / np.log(100) == pytest.approx(slope, abs=0.15)
