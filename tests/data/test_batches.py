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


RANKED = st.integers(1, 9)


@given(
    durations=st.lists(st.floats(0, 40) | st.sampled_from([0.0, 2.0, 2.5, 5.0, 10.0, 10.1]), max_size=60),
    bound=st.sampled_from([0.1, 5.0, 10.0, 80.0]),
    world_size=RANKED,
    epoch=st.integers(0, 3),
)
def test_ranks_share_an_epoch_in_as_many_batches_each_and_lose_nothing(
    durations: list[float], bound: float, world_size: int, epoch: int
) -> None:
    batches = plan_batches(durations, bound, seed=1, epoch=epoch, world_size=world_size)
    assert len(batches) % world_size == 0 and all(batches)
    heard = [index for batch in batches for index in batch]
    assert set(heard) == set(range(len(durations)))
    twice = len(heard) - len(durations)
    assert twice < world_size and (not twice or sum(len(batch) == 1 for batch in batches) >= world_size)  # none was left to be parted
    for batch in batches:
        assert len(batch) == 1 or max(durations[index] for index in batch) * len(batch) <= bound


@pytest.mark.parametrize("world_size", [2, 3, 8])
def test_ranks_have_batches_of_like_length_at_the_same_step(world_size: int) -> None:
    batches = plan_batches(DURATIONS, 30, seed=1, epoch=0, world_size=world_size)
    longest = np.array([max(DURATIONS[batch]) for batch in batches])
    apart = np.ptp(longest.reshape(-1, world_size), axis=1).mean()
    by_chance = np.ptp(np.random.default_rng(0).permutation(longest).reshape(-1, world_size), axis=1).mean()
    assert apart < 0.25 * by_chance
    padded = np.array([max(DURATIONS[batch]) * len(batch) for batch in batches]).reshape(-1, world_size)
    idle = 1 - padded.mean(axis=1) / padded.max(axis=1)
    assert idle.mean() < 0.2


def test_no_rank_always_has_the_shortest_of_a_step() -> None:
    lengths = np.random.default_rng(0).uniform(1, 20, 3000)
    batches = plan_batches(lengths, 60, seed=1, epoch=0, world_size=4)
    means = np.array([lengths[batch].mean() for batch in batches]).reshape(-1, 4)
    assert np.bincount(means.argmin(axis=1), minlength=4).min() > len(means) / 8


def test_ranks_of_one_are_the_plan_without_ranks() -> None:
    assert plan_batches(DURATIONS, 60, seed=4, epoch=7, world_size=1) == plan_batches(DURATIONS, 60, seed=4, epoch=7)


def test_fewer_utterances_than_ranks_come_again_until_each_has_one() -> None:
    batches = plan_batches([3.0, 1.0], 10.0, seed=0, epoch=0, world_size=5)
    assert len(batches) == 5 and {index for batch in batches for index in batch} == {0, 1}


def test_incomplete_step_is_parted_without_breaking_the_bound() -> None:
    """100 short utterances would fill a third batch: dealt out evenly by number, the longer ones would overflow."""
    durations = [0.1] * 100 + [5.0] * 4
    batches = plan_batches(durations, 10.0, seed=0, epoch=0, world_size=4)
    assert len(batches) == 4
    assert sorted(index for batch in batches for index in batch) == list(range(104))
    assert all(len(batch) * max(durations[index] for index in batch) <= 10.0 for batch in batches)


@pytest.mark.parametrize("world_size", [1, 3])
def test_first_epoch_may_go_from_short_to_long_and_later_ones_are_as_ever(world_size: int) -> None:
    first = plan_batches(DURATIONS, 30, seed=1, epoch=0, world_size=world_size, shortest_first=True)
    longest = np.array([max(DURATIONS[batch]) for batch in first]).reshape(-1, world_size).max(axis=1)
    assert (np.diff(longest) > -2 * LENGTH_JITTER * longest[:-1]).all() and longest[0] < 4 and longest[-1] > 19
    shuffled = plan_batches(DURATIONS, 30, seed=1, epoch=0, world_size=world_size)
    assert sorted(map(sorted, first)) == sorted(map(sorted, shuffled)) and first != shuffled
    for epoch in (1, 2):
        plans = [plan_batches(DURATIONS, 30, seed=1, epoch=epoch, world_size=world_size, shortest_first=wish) for wish in (False, True)]
        assert plans[0] == plans[1]
