"""What a CTC network hears: features over time, and below them the probability of each token in each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

COLOURS = 20  # of the lines; then they begin again
LEAST_SHOWN = 0.1  # a token that is never more probable than this has no line


@dataclass(frozen=True)
class Picture:
    """One utterance through a network.

    Attributes:
        title: its name.
        features: (T, F) float32.
        log_probs: (T', V) float32, natural log, blank at 0.
        tokens: V, by index.
        seconds: of the utterance.
        reference, hypothesis: texts.
    """

    title: str
    features: npt.NDArray[np.float32]
    log_probs: npt.NDArray[np.float32]
    tokens: Sequence[str]
    seconds: float
    reference: str
    hypothesis: str


def draw_spectrogram(axes: Any, picture: Picture) -> None:
    """Features over seconds, the first at the bottom."""
    if picture.features.size:
        low, high = np.percentile(picture.features, (1, 99))
        extent = (0, picture.seconds, 0, picture.features.shape[1])
        image = axes.imshow(picture.features.T, origin="lower", aspect="auto", extent=extent, cmap="viridis")
        image.set_clim(low, max(high, low + 1e-6))
    axes.set(xlim=(0, max(1e-3, picture.seconds)), ylabel="band")
    axes.set_title(picture.title, fontsize=10, parse_math=False)


def draw_emission(axes: Any, picture: Picture) -> None:
    """Probabilities over seconds, a line a token and grey for the blank; each decoded token stands over its first frame."""
    frames = len(picture.log_probs)
    if frames:
        probabilities = np.exp(picture.log_probs)
        times = (np.arange(frames) + 0.5) * picture.seconds / frames
        axes.plot(times, probabilities[:, 0], color="0.75", linewidth=1)
        for token in (np.flatnonzero(probabilities[:, 1:].max(axis=0) > LEAST_SHOWN) + 1).tolist():
            axes.plot(times, probabilities[:, token], linewidth=1, color=f"C{token % COLOURS}")
        for index, frame in decoded(picture.log_probs):
            shown = {" ": "␣"}.get(picture.tokens[index], picture.tokens[index])
            axes.text(times[frame], 1.03, shown, ha="center", va="bottom", fontsize=8, color=f"C{index % COLOURS}", parse_math=False)
    axes.set(xlim=(0, max(1e-3, picture.seconds)), ylim=(0, 1.15), ylabel="probability")
    said = f"seconds\nsaid   {picture.reference}\nheard  {picture.hypothesis}"
    axes.set_xlabel(said, loc="left", fontsize=9, family="monospace", parse_math=False)


def decoded(log_probs: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """Token and first frame of each run of equal best tokens, without blanks: the greedy path."""
    best = log_probs.argmax(axis=1).tolist()
    runs = [next(iter(run)) for _, run in groupby(enumerate(best), key=lambda item: item[1])]
    return [(token, frame) for frame, token in runs if token != 0]
