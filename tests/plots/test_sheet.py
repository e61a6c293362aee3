from __future__ import annotations

import numpy as np
import pytest

from tympan.plots import Panel, Sheet


def panel(count: int, level: float, frames: int = 10) -> Panel:
    return Panel("x", np.full(count, level, np.float32), 100, np.full((frames, 4), level, np.float32))


def test_a_sheet_is_as_long_and_as_loud_as_its_greatest_panel() -> None:
    sheet = Sheet("a", "b", [panel(150, 0.1), panel(120, -0.8)])
    assert sheet.duration_s == 1.5
    assert sheet.peak == pytest.approx(0.8)


def test_limits_leave_out_what_is_rare_and_are_never_the_same() -> None:
    values = np.zeros((1000, 1), np.float32)
    values[:100], values[0], values[1] = 1, 99, -99
    low, high = Sheet("a", "b", [Panel("x", values[:, 0], 100, values)]).limits
    assert (low, high) == (0, 1)
    low, high = Sheet("a", "b", [panel(5, 0.3)]).limits
    assert low < high


def test_a_sheet_of_nothing_has_a_length_a_peak_and_limits() -> None:
    sheet = Sheet("a", "b", [panel(0, 0.0, frames=0)])
    assert sheet.duration_s > 0 and sheet.peak > 0 and sheet.limits == (0, 1)
