"""Joined utterances."""

from __future__ import annotations

import numpy as np
import pytest

from tympan.data.augment.joined import Joined, loudness

DURATIONS = np.array([0.5, 1.0, 0.0, 5.0, 0.3])


def test_followers_fill_what_was_drawn_and_no_more() -> None:
    joined, counts = Joined(probability=1.0, seconds=3.0), set()
    for seed in range(300):
        found = joined.followers(DURATIONS, np.random.default_rng(seed))
        assert found.shape[0] == len(DURATIONS)
        totals = DURATIONS + np.where(found < 0, 0, DURATIONS[found]).sum(axis=1)
        assert (totals <= np.maximum(3.0, DURATIONS)).all() and not (found == 3).any(), "five seconds have no room"
        assert (np.diff(found < 0, axis=1).sum(axis=1) <= 1).all(), "none comes behind the last"
        assert (found[3] < 0).all(), "a long one stays alone"
        counts.add(int((found[0] >= 0).sum()))
    assert counts >= {0, 1, 2, 3}


def test_probability_is_the_share_that_may_be_joined() -> None:
    durations = np.full(2000, 0.01)
    shares = [
        (Joined(probability=share).followers(durations, np.random.default_rng(1)) >= 0).any(axis=1).mean() for share in (0.0, 0.4, 1.0)
    ]
    assert shares[0] == 0 and shares[1] == pytest.approx(0.4, abs=0.04) and shares[2] > 0.9


@pytest.mark.parametrize("pause", [(0.0, 0.0), (0.1, 0.1)])
def test_joined_sounds_stand_in_order_as_loud_as_the_first(pause: tuple[float, float]) -> None:
    rng = np.random.default_rng(4)
    sounds = [np.asarray(level * rng.standard_normal(count), np.float32) for level, count in ((0.1, 1600), (0.003, 3200), (0.4, 800))]
    joined = Joined(pause=pause).join(sounds, 16_000, rng)
    between = round(pause[0] * 16_000)
    assert len(joined) == 5600 + 2 * between and np.array_equal(joined[:1600], sounds[0])
    first, last = 1600 + between, 4800 + 2 * between
    assert np.allclose(joined[first : first + 3200] / sounds[1], loudness(sounds[0]) / loudness(sounds[1]), rtol=1e-4)
    assert loudness(joined[last:]) == pytest.approx(loudness(sounds[0]), rel=1e-4)


def test_silence_and_nothing_join_without_harm() -> None:
    for sounds in ([np.zeros(100, np.float32), np.ones(5, np.float32)], [np.zeros(0, np.float32), np.ones(5, np.float32)]):
        assert np.isfinite(Joined().join(sounds, 16_000, np.random.default_rng(5))).all()
