"""Learning rates as functions of the step."""

from __future__ import annotations

import pytest

from tympan.training.schedule import SCHEDULES, constant, one_cycle


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


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 50])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.99])
def test_rate_rises_then_never_rises_again_and_stays_within_bounds(name: str, total: int, warmup: float) -> None:
    rates = [SCHEDULES[name](step, total, warmup) for step in range(total + 3)]
    assert all(0 < rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
