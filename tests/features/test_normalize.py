"""Normalisation of features."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tympan.errors import RecipeError, ShapeError
from tympan.features import Normalization
from tympan.features.normalize import PRIOR_FRAMES, Running


def features_TF(num_frames: int = 50) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal((num_frames, 4)) * [1, 2, 3, 4] - [8, 0, 1, 2]).astype(np.float32)


UTTERANCE = Normalization.from_config({"mode": "utterance"})


def test_utterance_worked_by_hand() -> None:
    normalized = UTTERANCE(np.array([[1, 10], [3, 10]], np.float32))
    assert normalized.dtype == np.float32
    assert normalized.tolist() == [[-1, 0], [1, 0]]


def test_utterance_gives_each_feature_mean_zero_and_std_one() -> None:
    normalized = UTTERANCE(features_TF()).astype(np.float64)
    assert np.abs(normalized.mean(axis=0)).max() < 1e-6
    assert np.abs(normalized.std(axis=0) - 1).max() < 1e-6


@pytest.mark.parametrize("num_frames", [1, 2, 7, 1001])
@pytest.mark.parametrize("value", [-15.942385, 0.1, 1e30])
def test_a_constant_feature_gives_zeros(num_frames, value) -> None:
    assert not UTTERANCE(np.full((num_frames, 3), value, np.float32)).any()


@pytest.mark.parametrize("config", [{"mode": "none"}, {"mode": "utterance"}, {"mode": "global", "mean": [1, 2], "std": [1, 2]}])
def test_no_frames_stay_no_frames(config) -> None:
    normalized = Normalization.from_config(config)(np.zeros((0, 2), np.float32))
    assert normalized.shape == (0, 2)
    assert normalized.dtype == np.float32


def test_none_leaves_features_alone() -> None:
    assert np.array_equal(Normalization()(features_TF()), features_TF())


def test_global_takes_the_given_statistics() -> None:
    normalization = Normalization.from_config({"mode": "global", "mean": [1.0, 2.0], "std": np.array([0.5, 4.0], np.float32)})
    assert normalization(np.array([[2, 2], [0, -2]], np.float32)).tolist() == [[2, 0], [-2, -1]]


def test_running_takes_what_was_heard_so_far_beside_a_second_of_the_given() -> None:
    normalization = Normalization("running", (1.0,), (2.0,))
    features = np.array([[5.0], [-3.0], [0.5]], np.float32)
    expected = []
    for end in range(1, 4):
        heard = np.concatenate([np.tile([3.0, -1.0], PRIOR_FRAMES // 2), features[:end, 0]])  # mean 1, std 2
        expected.append((features[end - 1, 0] - heard.mean()) / heard.std())
    assert normalization(features)[:, 0].tolist() == pytest.approx(expected, abs=1e-6)


@given(cuts=st.lists(st.integers(0, 300), max_size=12))
def test_running_does_not_depend_on_how_the_utterance_is_cut(cuts: list[int]) -> None:
    normalization = Normalization("running", (0.0, 1.0, -5.0, 2.0), (1.0, 2.0, 3.0, 4.0))
    features, running = features_TF(300), Running(normalization)
    edges = [0, *sorted(cuts), 300]
    pieces = [running(features[start:end]) for start, end in pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces), normalization(features))


def test_running_streams_and_utterance_does_not() -> None:
    assert Normalization("running", (0.0,), (1.0,)).streams and not UTTERANCE.streams


def test_running_needs_statistics_to_begin_with_and_keeps_them_in_its_config() -> None:
    with pytest.raises(RecipeError, match="running needs mean and std"):
        Normalization.from_config({"mode": "running"})
    config = {"mode": "running", "mean": [1.0], "std": [2.0]}
    assert Normalization.from_config(config).config() == config


def test_level_takes_the_loudness_off_and_then_the_given_statistics() -> None:
    normalization = Normalization("level", (-1.0, 1.0), (2.0, 4.0))
    quiet = np.array([[0, 2], [3, 5], [-6, -4], *[[-9, -7]] * 8], np.float32)  # means 1, 4, -5, -8: the second loudest of 11 is 1
    assert normalization(quiet)[:2].tolist() == [[0, 0], [1.5, 0.75]]
    assert np.array_equal(normalization(quiet + 5), normalization(quiet)), "a louder recording is the same"
    assert np.array_equal(normalization(quiet[:1]), np.array([[0, 0]], np.float32))
    assert not normalization.streams and normalization(quiet[:0]).shape == (0, 2)


def test_global_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"4.*2"):
        Normalization("global", (0.0, 0.0), (1.0, 1.0))(features_TF())


def test_a_batch_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(1, 50, 4\)"):
        UTTERANCE(features_TF()[None])


def test_only_utterance_needs_the_future() -> None:
    configs: list[dict[str, object]] = [{"mode": "none"}, {"mode": "utterance"}, {"mode": "global", "mean": [0], "std": [1]}]
    assert [Normalization.from_config(config).streams for config in configs] == [True, False, True]


@pytest.mark.parametrize("config", [{"mode": "none"}, {"mode": "utterance"}, {"mode": "global", "mean": [0.1, 2.0], "std": [1.0, 0.5]}])
def test_a_config_comes_back_through_json(config) -> None:
    assert Normalization.from_config(json.loads(json.dumps(Normalization.from_config(config).config()))).config() == config


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, ["mode"]),
        ({"mode": "frame"}, ["frame", "none, utterance, global, running, level"]),
        ({"mode": ["none"]}, ["none"]),
        ({"mode": "utterance", "eps": 1, "axis": 0}, ["axis, eps"]),
        ({"mode": "utterance", "mean": [1.0]}, ["mean", "utterance"]),
        ({"mode": "global"}, ["mean and std", "0 and 0"]),
        ({"mode": "global", "mean": [1.0], "std": [1.0, 2.0]}, ["1 and 2"]),
        ({"mode": "global", "mean": [float("nan")], "std": [0.0]}, ["mean", "std", "above zero"]),
        ({"mode": "global", "mean": "12", "std": [1.0]}, ["mean", "numbers"]),
        ({"mode": "global", "mean": [True], "std": [1.0]}, ["mean", "numbers"]),
    ],
)
def test_a_wrong_config_is_told_by_key_and_value(config, told) -> None:
    with pytest.raises(RecipeError) as error:
        Normalization.from_config(config)
    for part in told:
        assert part in str(error.value)
