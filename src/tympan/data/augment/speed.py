"""Speed: the utterance is played faster or slower, pitch too.

Source: Ko et al. 2015, Audio augmentation for speech recognition.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Number, Probability, Section, between, not_empty

BASE = 1000  # soxr takes rates in Hz; a factor of 1.1 becomes 1100 -> 1000


class Speed(Section):
    """One of `factors`; 1 is the utterance as it is."""

    probability: Probability = 1.0
    factors: Annotated[tuple[Number, ...], AfterValidator(not_empty), between(0.5, 2)] = (0.9, 1.0, 1.1)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (about N / factor,)."""
        factor = self.factors[int(rng.integers(len(self.factors)))]
        return change_speed(samples, factor), f"speed {factor:g}" if factor != 1 else ""


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play `factor` times as fast: (N,) -> (N / factor,), at least one sample where there was one."""
    import soxr

    if factor == 1.0 or not len(samples):
        return samples
    changed = np.asarray(soxr.resample(samples, round(BASE * factor), BASE, quality="MQ"), dtype=np.float32)
    return changed if len(changed) else samples[:1]
