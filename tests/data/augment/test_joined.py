"""Joined utterances."""

from __future__ import annotations

import numpy as np
import pytest

from tympan.data.augment.joined import Joined, loudness

DURATIONS = np.array([0.5, 1.0, 0.0, 5.0, 0.3])


def test_followers_fill_what_was_drawn_and_no_more() -> None:
    joined = Joined(probability=1.0, seconds=3.0)
    found = [joined.followers(0, DURATIONS, np.random.default_rng(seed)) for seed in range(300)]
    assert all(0.5 + DURATIONS[followers].sum() <= 3.0 for followers in found)
    assert {len(followers) for followers in found} >= {0, 1, 2, 3} and all(3 not in followers for followers in found)
    assert not any(joined.followers(3, DURATIONS, np.random.default_rng(seed)) for seed in range(50)), "a long one stays alone"


def test_probability_is_the_share_that_may_be_joined() -> None:
    always, never = (Joined(probability=share, seconds=1000 / 17) for share in (1.0, 0.0))
    rng = np.random.default_rng(1)
    assert not any(never.followers(0, DURATIONS, rng) for _ in range(50))
    assert sum(bool(always.followers(0, DURATIONS, rng)) for _ in range(50)) > 40


def test_expected_length_is_a_little_above_what_is_drawn() -> None:
    joined, durations = Joined(probability=0.6, seconds=4.0), np.random.default_rng(2).uniform(0.2, 0.8, 100)
    rng = np.random.default_rng(3)
    totals = [durations[index] + durations[joined.followers(index, durations, rng)].sum() for index in range(100) for _ in range(40)]
    found = np.mean(totals) / durations.mean()
    assert found <= joined.expected(durations) <= 1.4 * found
    assert Joined(probability=0.0).expected(durations) == 1.0


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
