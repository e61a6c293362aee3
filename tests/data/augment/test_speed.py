from __future__ import annotations

import numpy as np
import pytest

from sounds import RATE, power, scene, tone, white
from tympan.data.augment.speed import Speed, change_speed


@pytest.mark.parametrize("factor", [0.5, 0.9, 0.95, 1.0, 1.05, 1.1, 2.0])
@pytest.mark.parametrize("count", [1, 100, 7919, 16_000])
def test_speed_divides_the_length(factor: float, count: int) -> None:
    changed = change_speed(white(count), factor)
    assert changed.dtype == np.float32
    assert len(changed) >= 1 and abs(len(changed) - count / factor) <= 1


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_the_pitch_with_it(factor: float) -> None:
    sound = tone(1000)
    changed = change_speed(sound, factor)
    spectrum = np.abs(np.fft.rfft(changed * np.hanning(len(changed))))
    assert np.argmax(spectrum) * RATE / len(changed) == pytest.approx(1000 * factor, abs=2)
    assert power(changed) == pytest.approx(power(sound), rel=0.02)


def test_speed_one_and_silence_of_no_samples_are_left_alone() -> None:
    samples = white()
    assert np.array_equal(change_speed(samples, 1.0), samples)
    assert len(change_speed(samples[:0], 1.1)) == 0


def test_each_factor_is_drawn_and_no_other() -> None:
    samples = white(1100)
    lengths = {len(Speed(factors=(0.5, 1.0, 1.1)).change(samples, np.random.default_rng(seed), scene(samples))[0]) for seed in range(60)}
    assert lengths == {2200, 1100, 1000}
