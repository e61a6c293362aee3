from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tympan.plots.waveform import HEIGHT, WIDTH, extremes, svg


def points(picture: str) -> list[tuple[float, float]]:
    """Of the area."""
    polygon = re.search(r'points="([^"]*)"', picture)
    return [tuple(map(float, pair.split(","))) for pair in polygon[1].split()] if polygon else []  # type: ignore[misc]


@pytest.mark.parametrize("count", [1, 2, WIDTH - 1, WIDTH, WIDTH + 1, 100_003])
def test_no_peak_is_lost_however_long_the_recording(count: int) -> None:
    samples = np.zeros(count, np.float32)
    samples[count // 2] = 0.7
    samples[count // 3] = -0.4 if count > 2 else 0.7
    lows, highs = extremes(samples)
    assert len(lows) == len(highs) <= WIDTH
    assert highs.max() == np.float32(0.7) and lows.min() == samples.min()


def test_the_peak_fills_the_height_and_time_the_width() -> None:
    found = points(svg(np.array([0.5, -0.5, 0.25, 0.0], np.float32), 0.5))
    assert found[0] == (0, 0) and found[1] == (WIDTH / 3, pytest.approx(HEIGHT, abs=0.1))
    assert max(x for x, _ in found) == WIDTH and max(y for _, y in found) <= HEIGHT + 0.5


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_it_is_well_formed(count: int) -> None:
    picture = svg(np.ones(count, np.float32), 1.0)
    assert ElementTree.fromstring(picture).tag == "svg"
    assert bool(points(picture)) == bool(count)
