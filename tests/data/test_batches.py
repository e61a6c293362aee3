"""Planning batches: every utterance once, bounded, and a function of the arguments alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tympan.data.batches import LENGTH_JITTER, plan_batches

DURATIONS = np.random.default_rng(3).uniform(0.5, 20, 300)


@given(
    durations=st.lists(st.floats(0, 40) | st.sampled_from([0.0, 2.0, 2.5, 5.0, 10.0, 10.1]), max_size=60),
    bound=st.sampled_from([0.1, 5.0, 10.0, 80.0]),
    seed=st.integers(0, 2**31),
    epoch=st.integers(0, 100),
)
def test_every_utterance_stands_in_one_batch_and_the_bound_holds(durations: list[float], bound: float, seed: int, epoch: int) -> None:
    batches = plan_batches(durations, bound, seed=seed, epoch=epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(durations)))
    for batch in batches:
        assert len(batch) == 1 or max(durations[index] for index in batch) * len(batch) <= bound


def test_utterances_that_fill_a_batch_exactly_share_it() -> None:
    assert [sorted(batch) for batch in plan_batches([5.0, 5.0, 5.0, 5.0], 20.0, seed=0, epoch=0)] == [[0, 1, 2, 3]]


def test_utterance_longer_than_the_bound_stands_alone() -> None:
    batches = plan_batches([30.0, 1.0, 1.0], 10.0, seed=0, epoch=0)
    assert sorted(map(sorted, batches)) == [[0], [1, 2]]


def test_nothing_gives_no_batch() -> None:
    assert plan_batches([], 10.0, seed=0, epoch=0) == []


def test_plan_is_a_function_of_its_arguments_alone() -> None:
    first = plan_batches(DURATIONS, 60, seed=4, epoch=7)
    np.random.default_rng().random(5)
    np.random.seed(0)
    assert plan_batches(list(DURATIONS), 60, seed=4, epoch=7) == first


def test_epochs_and_seeds_have_their_own_batches() -> None:
    plans = [plan_batches(DURATIONS, 60, seed=seed, epoch=epoch) for seed in (1, 2) for epoch in range(4)]
    members = [{frozenset(batch) for batch in plan} for plan in plans]
    for i in range(len(plans)):
        for j in range(i):
            assert len(members[i] & members[j]) < len(members[i]) / 2, "the neighbours are the same, only their order differs"


def test_plan_of_a_run_begun_today_is_that_of_every_version() -> None:
    """A resumed training finds its place only if the plan is what it was."""
    assert plan_batches([3.0, 1.0, 2.0, 5.0, 4.0, 1.5], 6.0, seed=20, epoch=1) == [[0], [1, 5, 2], [3], [4]]


def test_batches_are_shuffled_and_hardly_padded() -> None:
    plan = plan_batches(DURATIONS, 60, seed=1, epoch=0)
    longest = [float(DURATIONS[batch].max()) for batch in plan]
    assert longest != sorted(longest) and longest != sorted(longest, reverse=True)
    padded = sum(length * len(batch) for length, batch in zip(longest, plan, strict=True))
    assert padded < (1 + 2 * LENGTH_JITTER) * DURATIONS.sum()


@pytest.mark.parametrize("bound", [20, 60, 200])
def test_batches_are_full(bound: int) -> None:
    plan = plan_batches(DURATIONS, bound, seed=1, epoch=0)
    assert len(plan) < 2 * DURATIONS.sum() / bound + 1
