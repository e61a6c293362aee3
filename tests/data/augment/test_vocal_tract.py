from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sounds import RATE, Samples, lag, power, scene, white
from tympan.data.augment.vocal_tract import FLOOR, VocalTract, log_envelope, warp_envelope, warp_gain

FORMANT, PITCH = 1500.0, 125.0
LEVELS, RATES = st.sampled_from([0.0, 1e-6, 1.0]), st.sampled_from([1000, 8000, 22_050])


def vowel(seconds: float = 1.0) -> Samples:
    """Pulses at PITCH through one resonance at FORMANT, 150 Hz wide: y[n] = x[n] + 2 r cos(w) y[n-1] - r^2 y[n-2]."""
    radius, angle = np.exp(-np.pi * 150 / RATE), 2 * np.pi * FORMANT / RATE
    reach = np.arange(400)
    ringing = radius**reach * np.sin((reach + 1) * angle) / np.sin(angle)
    pulses = np.zeros(round(seconds * RATE))
    pulses[:: round(RATE / PITCH)] = 1
    return np.convolve(pulses, ringing)[: len(pulses)].astype(np.float32) / 20


def loudest_harmonic(samples: Samples) -> tuple[float, float]:
    """Its frequency by a parabola over the harmonics around it, and the spacing of the harmonics."""
    spectrum = np.abs(np.fft.rfft(samples[2000:14_000] * np.hanning(12_000)))
    step = RATE / 12_000
    numbers = np.arange(1, 40)
    levels = np.log([spectrum[round(number * PITCH / step)] for number in numbers])
    top = int(np.argmax(levels))
    below, middle, above = levels[top - 1 : top + 2]
    between = (below - above) / (2 * (below - 2 * middle + above))
    distances = np.diff(np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:]) & (spectrum[1:-1] > 0.5)))
    return (numbers[top] + between) * PITCH, float(np.median(distances)) * step


@pytest.mark.parametrize("factor", [0.85, 0.9, 1.1, 1.2])
def test_the_formant_moves_by_the_factor_and_the_pitch_stays(factor: float) -> None:
    before, pitch_before = loudest_harmonic(vowel())
    after, pitch_after = loudest_harmonic(warp_envelope(vowel(), factor, RATE))
    assert before == pytest.approx(FORMANT, abs=40)
    assert after == pytest.approx(FORMANT * factor, abs=35)
    assert pitch_before == pytest.approx(PITCH, abs=2) and pitch_after == pytest.approx(PITCH, abs=2)


def test_the_envelope_is_that_of_the_normal_equations() -> None:
    frame = vowel()[1000:1512] * np.hanning(512)
    energies = np.abs(np.fft.rfft(frame)) ** 2
    correlation = np.fft.irfft(energies)[:19]
    matrix = np.array([[correlation[abs(row - column)] for column in range(18)] for row in range(18)])
    filter_ = np.linalg.solve(matrix + np.eye(18) * (correlation[0] * FLOOR), -correlation[1:])
    expected = -np.log(np.abs(np.fft.rfft(np.concatenate([[1], filter_]), 512)))
    np.testing.assert_allclose(log_envelope(energies[None], 18)[0], expected, atol=1e-4)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_frequencies_move_by_the_factor_up_to_the_knee_and_then_bend_back(factor: float) -> None:
    """An envelope that rises evenly shows where each bin was taken from. In 16 kHz and 101 bins, the paper's 4,800 Hz are bin 60."""
    slope = 0.01
    taken = np.arange(101) + warp_gain(slope * np.arange(101, dtype=np.float32)[None], factor)[0] / slope
    knee = 60 * min(factor, 1.0)
    expected = [
        where / factor if where <= knee else knee / factor + (where - knee) * (100 - knee / factor) / (100 - knee) for where in range(101)
    ]
    np.testing.assert_allclose(taken, expected, atol=1e-3)


@pytest.mark.parametrize("count", [1, 255, 256, 257, 5000])
def test_a_factor_of_one_changes_nothing(count: int) -> None:
    np.testing.assert_allclose(warp_envelope(white(count), 1.0, RATE), white(count), atol=1e-6)


def test_words_stay_in_their_places() -> None:
    assert lag(white(), warp_envelope(white(), 1.15, RATE)) == 0


@given(count=st.integers(1, 2000), factor=st.floats(0.5, 2), rate=RATES, level=LEVELS)
def test_length_stays_and_values_are_finite(count: int, factor: float, rate: int, level: float) -> None:
    warped = warp_envelope(white(count, level=level), factor, rate)
    assert warped.shape == (count,) and warped.dtype == np.float32
    assert np.isfinite(warped).all()
    assert power(warped) <= np.exp(6) * power(white(count, level=level)) + 1e-12


def test_factors_are_drawn_from_the_range() -> None:
    samples = white(300)
    drawn = [VocalTract(warp=(0.8, 0.9)).change(samples, np.random.default_rng(seed), scene(samples))[1] for seed in range(30)]
    factors = [float(phrase.removeprefix("vocal tract ")) for phrase in drawn]
    assert 0.8 <= min(factors) < 0.83 and 0.87 < max(factors) <= 0.9
