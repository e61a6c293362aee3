"""The colour of a microphone."""

from __future__ import annotations

import numpy as np
import pytest

from tympan.data.augment.equalizer import Equalizer, equalize
from tympan.data.augment.scene import Scene

RATE = 16_000


def tone(frequency: float, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def power_at(samples: np.ndarray, frequency: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    place = round(frequency * len(samples) / RATE)
    return float(spectrum[place - 3 : place + 4].sum())


def test_gains_are_those_of_the_curve() -> None:
    samples = tone(800) + tone(4800)  # 0.5 and 3 steps of six points over 8 kHz
    filtered = equalize(samples, np.array([0.0, 0.0, 0.0, 12.0, 0.0, 0.0]))
    ratio = power_at(filtered, 4800) / power_at(filtered, 800)
    assert 10 * np.log10(ratio) == pytest.approx(12, abs=0.3)


def test_power_length_and_place_stay() -> None:
    samples = np.zeros(4000, np.float32)
    samples[1234] = 1
    filtered = equalize(samples, np.array([3.0, -5.0, 2.0, 8.0, -8.0, 0.0]))
    assert filtered.shape == samples.shape and filtered.dtype == np.float32
    assert np.argmax(np.abs(filtered)) == 1234
    assert np.mean(filtered**2) == pytest.approx(np.mean(samples**2), rel=1e-4)


@pytest.mark.parametrize("samples", [np.zeros(100, np.float32), np.ones(1, np.float32), np.ones(2, np.float32)], ids=["silence", "1", "2"])
def test_short_and_silent_recordings_stay_finite(samples: np.ndarray) -> None:
    changed, _ = Equalizer().change(samples, np.random.default_rng(0), Scene(RATE, {}, samples))
    assert changed.shape == samples.shape and np.isfinite(changed).all()
