"""Tasks over processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from toy_work import Squares
from tympan.errors import TympanError
from tympan.workers import Lost, cores, in_order

needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")


class Heard:
    """Keeps what was reported and what arrived, in the order in which it came."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, float]] = []
        self.indices: list[int] = []

    def reported(self, index: int, value: float) -> None:
        self.reports.append((index, value))

    def arrived(self, index: int, result: int | Lost) -> int | Lost:
        self.indices.append(index)
        return result


def squares(work: Squares, numbers: list[int], jobs: int, ahead: int | None = None) -> tuple[list[int | Lost], Heard]:
    heard = Heard()
    with closing(in_order(work, numbers, jobs, reported=heard.reported, arrived=heard.arrived, ahead=ahead)) as results:
        return list(results), heard


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_order_and_reports_name_their_task(tmp_path: Path, jobs: int) -> None:
    numbers = [5, 3, 8, 1, 9, 2, 7]
    results, heard = squares(Squares(tmp_path), numbers, jobs)
    assert results == [number**2 for number in numbers]
    assert sorted(heard.reports) == [(index, number / 2) for index, number in enumerate(numbers)]
    assert sorted(heard.indices) == list(range(len(numbers)))
    pids = {path.name.split("-")[1] for path in tmp_path.iterdir()}
    assert (pids == {str(os.getpid())}) if jobs == 1 else (len(pids) <= 3 and str(os.getpid()) not in pids)


@needs_kill
def test_a_process_that_dies_costs_nothing_the_first_time_and_one_task_the_second(tmp_path: Path) -> None:
    results, _ = squares(Squares(tmp_path, deadly=((4, 1), (7, 2))), list(range(9)), 2)
    assert results == [0, 1, 4, 9, 16, 25, 36, Lost("was killed by SIGKILL"), 64]
    for number in (4, 7):
        first, second = sorted(tmp_path.glob(f"{number}-*"), key=lambda path: path.stat().st_mtime_ns)
        assert first != second and second.name.endswith("-0"), "tried twice, the second time by a fresh process"


@needs_kill
def test_no_more_is_begun_than_the_bound_allows(tmp_path: Path) -> None:
    """Task 0 is tried twice; whatever the other process does meanwhile, it stays within the bound."""
    heard = Heard()
    work = Squares(tmp_path, deadly=((0, 2),))
    with closing(in_order(work, list(range(20)), 2, reported=heard.reported, arrived=heard.arrived, ahead=3)) as results:
        assert next(results) == Lost("was killed by SIGKILL")
        assert set(heard.indices) <= {0, 1, 2}
        assert list(results) == [number**2 for number in range(1, 20)]


def test_an_error_of_opening_is_told_here(tmp_path: Path) -> None:
    with pytest.raises(TympanError, match="The model is broken") as caught:
        squares(Squares(tmp_path, wrong="The model is broken."), [1, 2, 3], 2)
    assert caught.value.hint == "Mend it."
    assert not multiprocessing.active_children()


def test_processes_that_never_begin_are_given_up(tmp_path: Path) -> None:
    with pytest.raises(TympanError, match="ended with code 7"):
        squares(Squares(tmp_path, stillborn=True), list(range(50)), 2)


def test_stopping_early_ends_the_processes(tmp_path: Path) -> None:
    heard = Heard()
    with closing(in_order(Squares(tmp_path), list(range(50)), 2, reported=heard.reported, arrived=heard.arrived)) as results:
        assert next(results) == 0
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not bind processes to cores")
def test_cores_are_those_that_may_be_used() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
