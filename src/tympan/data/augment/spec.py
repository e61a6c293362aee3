"""SpecAugment: whole bands and whole stretches of time are hidden from the network.

Source: Park et al. 2019, arXiv:1904.08779, section 2, without time warping; number and width of the time masks by the length of
the utterance as in Park et al. 2020, SpecAugment on large scale datasets, arXiv:1912.05533, section 3.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from tympan.data.augment.section import Count, Probability, Section

Features = npt.NDArray[np.float32]


class SpecAugment(Section):
    """Masks are filled with 0, the mean of normalised features; each is placed and sized at random, and they may overlap.

    frequency_masks over bands, each of 0 to frequency_width of them; time_masks over frames, each of 0 to time_share of the
    utterance, and to no more than time_width frames if that is given. With time_mask_rate, there are that many masks a frame
    (rounded down), and time_masks is the most: with 20 for it, the rates are p_M and p_S = time_share of arXiv:1912.05533.
    """

    probability: Probability = 1.0
    frequency_masks: Count = 2
    frequency_width: Count = 27
    time_masks: Count = 10
    time_mask_rate: Annotated[float, Field(strict=True, gt=0, le=1)] | None = None
    time_share: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.05  # correction C16: an absolute width can hide a short word whole
    time_width: Count | None = None

    def masks_for(self, frames: int) -> tuple[int, int]:
        """How many time masks an utterance of so many frames gets, and the width of the widest."""
        count = self.time_masks if self.time_mask_rate is None else min(self.time_masks, int(self.time_mask_rate * frames))
        widest = int(self.time_share * frames)
        return count, widest if self.time_width is None else min(widest, self.time_width)

    def mask(self, features: Features, rng: np.random.Generator) -> tuple[Features, str]:
        """Hide parts of (T, F), normalised, which is left as it is; returns the copy and what was drawn."""
        features = features.copy()
        frames, bands = features.shape
        hidden_bands, hidden_frames = np.zeros(bands, bool), np.zeros(frames, bool)
        for _ in range(self.frequency_masks):
            hide(hidden_bands, min(bands, self.frequency_width), rng)
        count, widest = self.masks_for(frames)
        for _ in range(count if widest else 0):
            hide(hidden_frames, widest, rng)
        features[:, hidden_bands] = 0
        features[hidden_frames] = 0
        share = hidden_frames.mean() if frames else 0.0
        return features, f"masks over {int(hidden_bands.sum())} bands and {share:.0%} of time"


def hide(hidden: npt.NDArray[np.bool_], widest: int, rng: np.random.Generator) -> None:
    """Set a stretch of 0 to `widest` places."""
    width = int(rng.integers(widest + 1))
    start = int(rng.integers(len(hidden) - width + 1))
    hidden[start : start + width] = True
