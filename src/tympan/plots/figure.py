"""Sheets through matplotlib: waveform beside features beside the text. Needs the extra `plot`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tympan.plots.saving import new_figure, save
from tympan.plots.sheet import Panel, Sheet

LETTERS = 34  # of a line of text
LINES = 9  # of text that a row has place for
ROW_INCHES = 1.9


def draw(sheets: Sequence[Sheet], path: Path) -> None:
    """Draw each version of each utterance in a row of its own.

    Args:
        path: its ending, one of FORMATS, says what is written.
    """
    rows = [(sheet, panel) for sheet in sheets for panel in sheet.panels]
    figure = new_figure(13, ROW_INCHES * len(rows) + 0.4)
    axes = figure.subplots(len(rows), 3, squeeze=False, width_ratios=(5, 5, 3))
    for (wave, bands, words), (sheet, panel) in zip(axes, rows, strict=True):
        draw_wave(wave, panel, sheet)
        draw_features(bands, panel, sheet)
        draw_text(words, panel, sheet)
    save(figure, path)


def draw_wave(axes: Any, panel: Panel, sheet: Sheet) -> None:
    """Samples over seconds."""
    seconds = np.arange(len(panel.samples)) / panel.sample_rate
    axes.plot(seconds, panel.samples, linewidth=0.4)
    axes.set(xlim=(0, sheet.duration_s), ylim=(-sheet.peak, sheet.peak), ylabel="amplitude")
    axes.set_xlabel("s", labelpad=0)


def draw_features(axes: Any, panel: Panel, sheet: Sheet) -> None:
    """Features over seconds, the first at the bottom."""
    frames, bands = panel.features.shape
    if frames and bands:
        extent = (0, panel.duration_s, 0, bands)
        image = axes.imshow(panel.features.T, origin="lower", aspect="auto", extent=extent, cmap="viridis")
        image.set_clim(*sheet.limits)
    axes.set(xlim=(0, sheet.duration_s), ylabel="band")
    axes.set_xlabel("s", labelpad=0)


def draw_text(axes: Any, panel: Panel, sheet: Sheet) -> None:
    """What the row is, and what is said; a dollar sign is a dollar sign."""
    axes.axis("off")
    title = textwrap.wrap(panel.title, LETTERS)
    said = textwrap.wrap(f"{sheet.title}: {sheet.text}", LETTERS, max_lines=max(1, LINES - len(title)), placeholder=" ...")
    axes.text(0, 1, "\n".join(title), va="top", weight="bold", parse_math=False, transform=axes.transAxes)
    axes.text(0, 1 - 0.12 * len(title), "\n".join(said), va="top", parse_math=False, transform=axes.transAxes)
