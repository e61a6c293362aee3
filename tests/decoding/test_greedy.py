"""Greedy CTC decoding against the definition."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given

from strategies import log_probs_TV
from tympan.decoding import greedy
from tympan.errors import ShapeError


def one_hot(path: list[int], num_tokens: int = 4, probability: float = 0.9) -> np.ndarray:
    """(T, V) log_probs whose best path is `path`."""
    rest = (1 - probability) / (num_tokens - 1)
    return np.log(np.where(np.arange(num_tokens) == np.array(path)[:, None], probability, rest)).astype(np.float32)


@given(log_probs_TV())
def test_result_is_the_collapsed_best_path(log_probs: np.ndarray) -> None:
    path = [max(range(len(row)), key=row.__getitem__) for row in log_probs.tolist()]
    runs, frame = [], 0
    for token, run in groupby(path):
        length = len(list(run))
        if token:
            peak = max(log_probs[t, token] for t in range(frame, frame + length))
            runs.append((token, frame, frame + length, peak))
        frame += length
    hypothesis = greedy(log_probs)
    assert list(zip(hypothesis.tokens, hypothesis.timesteps, hypothesis.ends, hypothesis.token_log_probs, strict=True)) == runs
    assert hypothesis.score == pytest.approx(sum(float(log_probs[t, token]) for t, token in enumerate(path)), abs=1e-4)
    assert hypothesis.acoustic_score == hypothesis.score
    assert hypothesis.lm_score == 0


@pytest.mark.parametrize(
    ("path", "tokens", "timesteps", "ends"),
    [
        ([1, 1], (1,), (0,), (2,)),
        ([1, 0, 1], (1, 1), (0, 2), (1, 3)),
        ([1, 2, 1], (1, 2, 1), (0, 1, 2), (1, 2, 3)),
        ([0, 0, 0], (), (), ()),
        ([0, 3, 3, 0, 0, 3, 2, 2, 2], (3, 3, 2), (1, 5, 6), (3, 6, 9)),
        ([2], (2,), (0,), (1,)),
    ],
)
def test_equal_neighbours_need_a_blank_between_them(path: list[int], tokens: tuple[int], timesteps: tuple[int], ends: tuple[int]) -> None:
    hypothesis = greedy(one_hot(path))
    assert (hypothesis.tokens, hypothesis.timesteps, hypothesis.ends) == (tokens, timesteps, ends)


def test_token_log_prob_is_the_highest_of_its_frames() -> None:
    log_probs = one_hot([0, 1, 1, 1])
    log_probs[2] = np.log([0.02, 0.95, 0.02, 0.01])
    hypothesis = greedy(log_probs)
    assert hypothesis.token_log_probs == (pytest.approx(np.log(0.95)),)
    assert hypothesis.score == pytest.approx(3 * np.log(0.9) + np.log(0.95), abs=1e-5)


def test_score_of_an_hour_is_summed_exactly() -> None:
    log_probs = one_hot([0] * 90_000)
    assert greedy(log_probs).score == pytest.approx(90_000 * float(log_probs[0, 0]), rel=1e-12)


def test_no_frames_give_the_empty_hypothesis() -> None:
    hypothesis = greedy(np.zeros((0, 3), dtype=np.float32))
    assert hypothesis.tokens == hypothesis.timesteps == hypothesis.ends == hypothesis.token_log_probs == ()
    assert hypothesis.score == 0


@pytest.mark.parametrize("frame", [0, 2, 4])
@pytest.mark.parametrize("token", [0, 1, 3])
def test_nan_is_refused_wherever_it_stands(frame: int, token: int) -> None:
    log_probs = one_hot([0, 1, 2, 3, 0])
    log_probs[frame, token] = np.nan
    with pytest.raises(ShapeError, match="NaN"):
        greedy(log_probs)


@pytest.mark.parametrize("shape", [(5,), (1, 5, 4), (5, 1), (5, 0), ()])
def test_wrong_shape_is_refused_with_the_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as error:
        greedy(np.zeros(shape, dtype=np.float32))
    assert str(shape) in str(error.value)


def test_impossible_tokens_of_minus_infinity_are_no_nan() -> None:
    log_probs = np.array([[0.0, -np.inf], [-np.inf, 0.0]], dtype=np.float32)
    assert greedy(log_probs).tokens == (1,)
