from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sounds import scene, white
from tympan.data.augment.dropped import Dropped, drop


def lost_runs(lost: np.ndarray) -> list[int]:
    """Lengths of the stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(int)))
    return (edges[1::2] - edges[::2]).tolist()


@given(count=st.integers(1, 3000), share=st.floats(0, 0.5), packet=st.integers(1, 4000), seed=st.integers(0, 99))
def test_no_more_is_lost_than_said_and_the_rest_stays(count: int, share: float, packet: int, seed: int) -> None:
    samples = np.ones(count, np.float32)
    changed = drop(samples, share, packet, np.random.default_rng(seed))
    assert set(np.unique(changed)) <= {0.0, 1.0} and changed.shape == samples.shape
    assert (changed == 0).sum() <= share * count
    assert (samples == 1).all(), "the argument is left as it was"


def test_packets_have_their_length_and_come_anywhere() -> None:
    lost = [drop(np.ones(10_000, np.float32), 0.01, 50, np.random.default_rng(seed)) == 0 for seed in range(400)]
    runs = [run for one in lost for run in lost_runs(one)]
    assert np.median(runs) == 50 and min(runs) >= 1 and max(runs) <= 100
    assert (np.sum(lost, axis=0)[::500] > 0).sum() > 12, "about two in three of these places were lost once in 400 times"


def test_the_share_is_nearly_reached_and_drawn_from_the_range() -> None:
    samples, section = white(16_000), Dropped(share=(0.05, 0.2), packet_ms=(10.0, 20.0))
    shares = [float((section.change(samples, np.random.default_rng(seed), scene(samples))[0] == 0).mean()) for seed in range(60)]
    assert 0.04 < min(shares) < 0.08 and 0.15 < max(shares) <= 0.2
