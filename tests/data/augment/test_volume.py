from __future__ import annotations

import numpy as np
import pytest

from sounds import scene, white
from tympan.data.augment.volume import Volume, change_volume


def test_six_decibels_are_about_twice_the_amplitude() -> None:
    np.testing.assert_allclose(change_volume(white(100), 6.0206), 2 * white(100), rtol=1e-5)
    np.testing.assert_allclose(change_volume(white(100), -20.0), white(100) / 10, rtol=1e-5)


def test_what_comes_beyond_full_scale_is_clipped() -> None:
    assert change_volume(np.array([0.6, -0.6, 0.1], np.float32), 6.0206) == pytest.approx([1, -1, 0.2], rel=1e-4)


def test_gains_are_drawn_from_the_range() -> None:
    samples = np.full(10, 0.01, np.float32)
    section = Volume(gain_db=(-6.0, 12.0))
    gains = [20 * np.log10(section.change(samples, np.random.default_rng(seed), scene(samples))[0][0] / 0.01) for seed in range(100)]
    assert -6.01 <= min(gains) < -5 and 11 < max(gains) <= 12.01
