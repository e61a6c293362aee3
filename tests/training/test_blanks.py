"""What is said while nothing is heard."""

from __future__ import annotations

import pytest

from tympan.training.blanks import describe_blanks, expected_steps


def test_nothing_is_said_once_something_is_heard() -> None:
    assert describe_blanks(0.99, 10, 10_000, 0.1) == ""


def test_all_blank_at_first_is_normal_for_so_many_steps() -> None:
    assert expected_steps(10_000, 0.1) == 2000
    assert describe_blanks(1.0, 500, 10_000, 0.1) == "All frames are blank, as is normal at first: expected for 1,500 more steps."


def test_still_all_blank_names_what_to_do() -> None:
    told = describe_blanks(0.9995, 2000, 10_000, 0.1)
    assert "Still all blank after 2,000 steps" in told and "learning_rate" in told and "token table" in told


@pytest.mark.parametrize(("total", "expected"), [(100, 300), (2000, 400), (10**6, 4000)])
def test_expectation_is_bounded(total: int, expected: int) -> None:
    assert expected_steps(total, 0.1) == expected


def test_training_too_short_to_say_anything_is_named() -> None:
    assert "only 100 steps" in describe_blanks(1.0, 300, 100, 0.1)
