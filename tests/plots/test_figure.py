from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sounds import RATE, white
from tympan.plots import FORMATS, Panel, Sheet, draw


def sheet(text: str = "how are you", versions: int = 2) -> Sheet:
    features = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    return Sheet("utterance", text, [Panel(f"version {number}", white(8000), RATE, features) for number in range(versions)])


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_written_as_itself(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    draw([sheet()], path)
    assert path.read_bytes()[:5] in {b"\x89PNG\r", b"%PDF-", b"<?xml"}
    assert list(tmp_path.iterdir()) == [path]


def test_each_version_has_a_row(tmp_path: Path) -> None:
    heights = []
    for number, versions in enumerate((1, 3)):
        draw([sheet(versions=versions)], tmp_path / f"{number}.png")
        heights.append(imread(tmp_path / f"{number}.png").shape[0])
    assert heights[1] > 2 * heights[0]


def test_text_is_text(tmp_path: Path) -> None:
    """Dollar signs are no formulas, scripts that the font lacks are no warnings, and a long text is cut."""
    for number, text in enumerate(("it costs $5 or $x_{", "日本語 ᚠᚢᚦ", "word " * 500, "", "<b>&")):
        draw([sheet(text, versions=1)], tmp_path / f"{number}.svg")
        assert (tmp_path / f"{number}.svg").stat().st_size > 1000


def test_an_empty_recording_is_drawn_too(tmp_path: Path) -> None:
    draw([Sheet("a", "b", [Panel("empty", white(0), RATE, np.ones((0, 8), np.float32))])], tmp_path / "a.png")
    assert imread(tmp_path / "a.png").size
