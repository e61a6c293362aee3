from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tympan.data.augment.spec import SpecAugment

PLAIN = {"frequency_masks": 2, "frequency_width": 5, "time_masks": 3, "time_share": 0.2}


def mask(features: np.ndarray, seed: int = 0, **changes: float) -> np.ndarray:
    return SpecAugment.model_validate({**PLAIN, **changes}).mask(features, np.random.default_rng(seed))[0]


def runs_of(hidden: np.ndarray) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hidden, [False]]).astype(int)))
    return (edges[1::2] - edges[::2]).tolist()


def test_masks_are_no_wider_and_no_more_than_said() -> None:
    features = np.ones((50, 40), np.float32)
    bands_seen, frames_seen = set(), set()
    for seed in range(300):
        one = mask(features, seed, frequency_masks=1, time_masks=1)
        bands, frames = runs_of((one == 0).all(axis=0)), runs_of((one == 0).all(axis=1))
        assert len(bands) <= 1 and len(frames) <= 1
        bands_seen.update(bands or [0])
        frames_seen.update(frames or [0])
        hidden = (one == 0).all(axis=0)[None, :] | (one == 0).all(axis=1)[:, None]
        assert np.array_equal(one, np.where(hidden, 0, features)), "something else than whole bands and frames was changed"
    assert bands_seen == set(range(6))
    assert frames_seen == set(range(11))  # 0.2 of 50


@pytest.mark.parametrize(
    ("options", "frames", "masks", "widest"),
    [
        ({}, 1000, 10, 50),  # fixed number, 5 % each
        ({"time_width": 30}, 1000, 10, 30),
        ({"time_width": 100}, 1000, 10, 50),
        (
            {"time_masks": 20, "time_mask_rate": 0.04, "time_share": 0.04},
            100,
            4,
            4,
        ),  # min(20, p_M T) masks of up to p_S T, arXiv:1912.05533
        ({"time_masks": 20, "time_mask_rate": 0.04, "time_share": 0.04}, 400, 16, 16),
        ({"time_masks": 20, "time_mask_rate": 0.04, "time_share": 0.04}, 1500, 20, 60),
        ({"time_masks": 20, "time_mask_rate": 0.04, "time_share": 0.04}, 24, 0, 0),
    ],
)
def test_number_and_width_of_time_masks_follow_the_length(options: dict[str, float], frames: int, masks: int, widest: int) -> None:
    spec = SpecAugment.model_validate({"frequency_masks": 0, **options})
    assert spec.masks_for(frames) == (masks, widest)
    hidden = [(spec.mask(np.ones((frames, 4), np.float32), np.random.default_rng(seed))[0] == 0).all(axis=1) for seed in range(20)]
    assert all(one.sum() <= masks * widest and len(runs_of(one)) <= masks for one in hidden)


def test_the_share_hidden_is_that_of_the_definition() -> None:
    """One mask of 0 to 100 of 1,000 frames hides 5 % in the mean; ten that may overlap hide 1 - 0.95^10, nearly: 40 %."""
    features = np.ones((1000, 3), np.float32)
    for count, expected in ((1, 0.05), (10, 0.40)):
        options = {"frequency_masks": 0, "time_masks": count, "time_share": 0.1}
        shares = [float((mask(features, seed, **options) == 0).mean()) for seed in range(300)]
        assert np.mean(shares) == pytest.approx(expected, abs=0.015)


def test_each_band_and_frame_can_be_hidden() -> None:
    features = np.ones((30, 20), np.float32)
    hidden = sum((mask(features, seed) == 0).astype(int) for seed in range(300))
    assert (np.asarray(hidden) > 0).all()


@given(
    features=hnp.arrays(np.float32, st.tuples(st.integers(0, 30), st.integers(1, 9)), elements=st.floats(-9, 9, width=32)),
    width=st.integers(0, 40),
    share=st.floats(0, 1),
    count=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_what_is_not_hidden_stays_and_so_does_the_argument(features: np.ndarray, width: int, share: float, count: int, seed: int) -> None:
    before = features.copy()
    changed = mask(features, seed, frequency_width=width, time_share=share, time_masks=count)
    assert changed.shape == features.shape and changed.dtype == np.float32
    assert ((changed == features) | (changed == 0)).all()
    assert np.array_equal(features, before) and not np.shares_memory(changed, features)


def test_no_masks_change_nothing() -> None:
    features = np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32)
    assert np.array_equal(mask(features, frequency_masks=0, time_masks=0), features)
    assert np.array_equal(mask(features, frequency_width=0, time_share=0.04), features)
    assert np.array_equal(mask(features, frequency_masks=0, time_width=0), features)


def test_what_was_hidden_is_told() -> None:
    changed, phrase = SpecAugment().mask(np.ones((200, 80), np.float32), np.random.default_rng(1))
    bands, share = int((changed == 0).all(axis=0).sum()), float((changed == 0).all(axis=1).mean())
    assert phrase == f"masks over {bands} bands and {share:.0%} of time"
