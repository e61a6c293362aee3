"""What is to be shown, whatever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TAILS = (1.0, 99.0)  # percentiles of the features; what lies beyond has the colour of the end


@dataclass(frozen=True)
class Panel:
    """One version of an utterance.

    Attributes:
        title: what it is, in a few words.
        samples: (N,) float32.
        sample_rate: Hz.
        features: (T, F) float32, drawn with the first column at the bottom.
    """

    title: str
    samples: npt.NDArray[np.float32]
    sample_rate: int
    features: npt.NDArray[np.float32]

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Sheet:
    """An utterance and its versions, drawn below each other on one scale of time.

    Attributes:
        title: the utterance's name.
        text: what is said.
        panels: at least one.
    """

    title: str
    text: str
    panels: Sequence[Panel]

    @property
    def duration_s(self) -> float:
        """Seconds of the longest version; above 0, so that one can divide by it."""
        return max(1e-3, *(panel.duration_s for panel in self.panels), 0.0)

    @property
    def peak(self) -> float:
        """Of all versions, and at least 0.05: quiet ones fill the picture, noise of the last bits does not."""
        return max([0.05, *(float(np.abs(panel.samples).max()) for panel in self.panels if len(panel.samples))])

    @property
    def limits(self) -> tuple[float, float]:
        """The features' values that get the first and the last colour in all versions: percentiles, the first below the second."""
        values = [panel.features.ravel() for panel in self.panels if panel.features.size]
        low, high = np.percentile(np.concatenate(values), TAILS) if values else (0.0, 1.0)
        return float(low), max(float(high), float(low) + 1e-6)
