"""Learning rates as functions of the step."""

from __future__ import annotations

import random

import pytest
import torch

from tympan.training.schedule import SCHEDULES, constant, cosine, noam, one_cycle, plateau_factor


def test_one_cycle_by_hand() -> None:
    assert one_cycle(0, 100, 0.2) == pytest.approx(1 / 25)
    assert one_cycle(10, 100, 0.2) == pytest.approx((1 / 25 + 1) / 2)
    assert one_cycle(20, 100, 0.2) == 1
    assert one_cycle(60, 100, 0.2) == pytest.approx((1 + 1 / 1000) / 2)
    assert one_cycle(100, 100, 0.2) == pytest.approx(1 / 1000)
    assert one_cycle(5000, 100, 0.2) == one_cycle(100, 100, 0.2)


def test_constant_by_hand() -> None:
    assert constant(0, 100, 0.2) == pytest.approx(1 / 25)
    assert constant(10, 100, 0.2) == pytest.approx((1 / 25 + 1) / 2)
    assert [constant(step, 100, 0.2) for step in (20, 50, 100, 5000)] == [1, 1, 1, 1]
    assert [constant(step, 100, 0.0) for step in (0, 1, 100)] == [1, 1, 1]


def test_cosine_by_hand() -> None:
    assert cosine(0, 100, 0.2) == pytest.approx(1 / 21)
    assert cosine(10, 100, 0.2) == pytest.approx(11 / 21)
    assert cosine(20, 100, 0.2) == 1
    assert cosine(60, 100, 0.2) == pytest.approx((1 + 1 / 1000) / 2)
    assert cosine(100, 100, 0.2) == cosine(5000, 100, 0.2) == pytest.approx(1 / 1000)
    assert cosine(0, 100, 0.0) == 1


def test_noam_by_hand() -> None:
    assert noam(0, 100, 0.2) == pytest.approx(1 / 20)
    assert noam(9, 100, 0.2) == pytest.approx(10 / 20)
    assert noam(19, 100, 0.2) == 1
    assert noam(79, 100, 0.2) == pytest.approx(1 / 2)
    assert noam(319, 100, 0.2) == pytest.approx(1 / 4)
    assert noam(3, 100, 0.0) == pytest.approx(1 / 2)


def test_noam_is_the_formula_of_the_paper() -> None:
    def paper(step: int) -> float:
        return 512**-0.5 * min(step**-0.5, step * 40**-1.5)

    peak = max(paper(step) for step in range(1, 200))
    assert [noam(step - 1, 400, 0.1) for step in range(1, 200)] == pytest.approx([paper(step) / peak for step in range(1, 200)])


def test_plateau_factor_by_hand() -> None:
    assert plateau_factor([], 2, 0.5) == 1
    assert plateau_factor([0.5, 0.4, 0.4], 2, 0.5) == 1  # an equal one is no better one
    assert plateau_factor([0.5, 0.4, 0.4, 0.41], 2, 0.5) == 0.5
    assert plateau_factor([0.5, 0.4, 0.4, 0.41, 0.3, 0.3], 2, 0.5) == 0.5
    assert plateau_factor([0.5, 0.6, 0.6, 0.6, 0.6], 2, 0.1) == pytest.approx(0.01)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_plateau_factor_is_that_of_torch(patience: int) -> None:
    rng = random.Random(patience)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.7, patience=patience - 1, threshold=0, eps=0)
    errors: list[float] = []
    for _ in range(60):
        errors.append(rng.choice([0.1, 0.2, 0.3, 0.3, 0.4]) + rng.random() / 5)
        theirs.step(errors[-1])
        assert plateau_factor(errors, patience, 0.7) == pytest.approx(optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 50])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.99])
def test_rate_rises_then_never_rises_again_and_stays_within_bounds(name: str, total: int, warmup: float) -> None:
    rates = [SCHEDULES[name](step, total, warmup) for step in range(total + 3)]
    assert all(0 < rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
