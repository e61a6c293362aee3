"""The expected errors of an n-best list, by hand, by finite differences and by enumeration."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from tympan.training.objectives.risk import ctc_scores, expected_errors, word_errors


def test_expected_errors_by_hand() -> None:
    scores = torch.tensor([0.6, 0.3, 0.1]).log() - 7.0  # only differences count
    assert float(expected_errors(scores, torch.tensor([0.0, 1.0, 2.0]))) == pytest.approx(0.6 * -1 + 0.3 * 0 + 0.1 * 1)


def test_list_of_equal_errors_teaches_nothing() -> None:
    scores = torch.randn(4, requires_grad=True)
    loss = expected_errors(scores, torch.full((4,), 3.0))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(scores.grad, torch.zeros(4), atol=1e-6, rtol=0)


def test_gradient_is_that_of_the_paper_and_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)
    errors = torch.tensor([2.0, 0.0, 1.0, 4.0, 1.0], dtype=torch.float64)
    expected_errors(scores, errors).backward()
    chances = scores.detach().softmax(0)
    torch.testing.assert_close(scores.grad, chances * (errors - (chances * errors).sum()))
    assert torch.autograd.gradcheck(lambda given: expected_errors(given, errors), (scores,))


def test_errors_are_counted_as_evaluations_count_them() -> None:
    assert word_errors("the cat sat", ["the cat sat", "The cat, sat.", "the bat", "", "a the cat sat down"]) == [0, 0, 2, 3, 2]


def test_ctc_scores_sum_the_paths_of_each_hypothesis() -> None:
    generator = torch.Generator().manual_seed(1)
    log_probs = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64).log_softmax(2)
    lengths, hypotheses = torch.tensor([4, 3]), [[(1, 2), (1,)], [(2, 2), ()]]
    expected = []
    for row, found in enumerate(hypotheses):
        for wanted in found:
            paths = itertools.product(range(3), repeat=int(lengths[row]))
            spelled = [path for path in paths if tuple(token for token, _ in itertools.groupby(path) if token) == wanted]
            expected.append(math.log(sum(math.exp(sum(float(log_probs[row, t, v]) for t, v in enumerate(path))) for path in spelled)))
    torch.testing.assert_close(ctc_scores(log_probs, lengths, hypotheses), torch.tensor(expected, dtype=torch.float64))
