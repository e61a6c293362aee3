"""Moments in which nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from tympan.data.augment.pauses import Pauses, quietest
from tympan.data.augment.scene import Scene

RATE = 16_000


def test_pauses_are_as_long_as_asked_and_the_utterance_lies_between() -> None:
    samples = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    changed, phrase = Pauses(seconds=(0.1, 0.1)).change(samples, np.random.default_rng(1), Scene(RATE, {}, samples))
    assert len(changed) == 8000 + 2 * 1600 and np.array_equal(changed[1600:-1600], samples)
    assert phrase == "pauses 0.10 and 0.10 s"


def test_a_pause_is_as_loud_as_the_quietest_frames() -> None:
    rng = np.random.default_rng(0)
    samples = np.concatenate([0.01 * rng.standard_normal(4000), rng.standard_normal(28_000)]).astype(np.float32)
    assert quietest(samples) == pytest.approx(0.01, rel=0.1)
    changed, _ = Pauses(seconds=(0.5, 0.5)).change(samples, rng, Scene(RATE, {}, samples))
    assert np.std(changed[:8000]) == pytest.approx(0.01, rel=0.15)


def test_silence_is_followed_by_silence() -> None:
    samples = np.zeros(100, np.float32)
    changed, _ = Pauses(seconds=(0.1, 0.1)).change(samples, np.random.default_rng(0), Scene(RATE, {}, samples))
    assert not changed.any()
