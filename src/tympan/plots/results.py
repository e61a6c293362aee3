"""Whole figures: one utterance, or a run with its curves and some utterances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tympan.plots.curves import PANELS, Rows, draw_curves
from tympan.plots.emission import Picture, draw_emission, draw_spectrogram
from tympan.plots.saving import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, CURVES, UTTERANCE = 13.0, 3.2, 4.4  # inches


def draw_utterance(picture: Picture) -> Figure:
    """Spectrogram and emission of one utterance, with what was said and heard."""
    figure = new_figure(WIDTH, UTTERANCE)
    above, below = figure.subplots(2, 1, sharex=True)
    draw_spectrogram(above, picture)
    draw_emission(below, picture)
    return figure


def draw_run(title: str, rows: Rows, pictures: Sequence[Picture]) -> Figure:
    """The curves of a run, and below them each utterance as `draw_utterance` has it."""
    figure = new_figure(WIDTH, CURVES + UTTERANCE * len(pictures))
    figure.suptitle(title, parse_math=False)
    parts = figure.subfigures(1 + len(pictures), 1, height_ratios=[CURVES, *[UTTERANCE] * len(pictures)], squeeze=False)[:, 0]
    draw_curves(parts[0].subplots(1, len(PANELS)), rows)
    for part, picture in zip(parts[1:], pictures, strict=True):
        above, below = part.subplots(2, 1, sharex=True)
        draw_spectrogram(above, picture)
        draw_emission(below, picture)
    return figure
