"""Volume: louder or softer, as another microphone or another distance."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between


class Volume(Section):
    """A gain in dB; what comes beyond full scale is clipped, as a recorder would."""

    probability: Probability = 0.3
    gain_db: Annotated[Range, between(-80, 40)] = (-12.0, 6.0)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        gain_db = float(rng.uniform(*self.gain_db))
        return change_volume(samples, gain_db), f"volume {gain_db:+.0f} dB"


def change_volume(samples: Samples, gain_db: float) -> Samples:
    """Multiply by 10^(gain_db / 20), and clip to [-1, 1]."""
    changed: Samples = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1, 1)
    return changed
