"""Progress by audio time."""

from __future__ import annotations

import pytest

from tympan.cli.display import Listening, clock_time


class Shown(list[tuple[float, "float | None", str]]):
    def __call__(self, done: float, total: float | None, text: str) -> None:
        self.append((done, total, text))


def listening(*durations: float | None) -> tuple[Listening, Shown, list[float]]:
    """With a clock that is set by hand."""
    shown, now = Shown(), [100.0]
    return Listening(durations, shown, lambda: now[0]), shown, now


def test_line_tells_time_speed_and_time_left() -> None:
    progress, shown, now = listening(600.0, 3000.0)
    now[0] += 6
    progress.heard(0, 300.0)
    assert shown[-1] == (300.0, 3600.0, "5:00 of 1:00:00  50 x real time  1:06 left")
    now[0] += 6
    progress.heard(0, 600.0)
    progress.finished(0)
    progress.heard(1, 20.0)
    assert shown[-1] == (620.0, 3600.0, "10:20 of 1:00:00  52 x real time  0:58 left")


def test_header_that_is_wrong_is_mended() -> None:
    progress, shown, _ = listening(10.0, 100.0)
    progress.heard(0, 15.0)
    assert shown[-1][:2] == (15.0, 115.0)
    progress.heard(1, 30.0)
    progress.finished(1)
    assert shown[-1][:2] == (45.0, 45.0)


def test_recording_that_fails_is_expected_no_longer() -> None:
    progress, shown, _ = listening(10.0, 100.0)
    progress.finished(1)
    assert shown[-1][:2] == (0.0, 10.0)
    assert "left" not in shown[-1][2]


def test_recording_that_is_begun_again_counts_once() -> None:
    progress, shown, _ = listening(60.0)
    progress.heard(0, 40.0)
    progress.heard(0, 20.0)
    assert shown[-1][:2] == (20.0, 60.0)


def test_total_is_not_told_while_a_duration_is_unknown() -> None:
    progress, shown, now = listening(None, 30.0)
    now[0] += 10
    progress.heard(0, 15.0)
    assert shown[-1] == (15.0, None, "0:15  1.5 x real time")
    progress.finished(0)
    assert shown[-1][:2] == (15.0, 45.0)


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3600, "1:00:00"), (36_061, "10:01:01")])
def test_time_is_written_as_clocks_show_it(seconds: float, shown: str) -> None:
    assert clock_time(seconds) == shown
