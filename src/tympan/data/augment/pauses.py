"""Pauses: nobody speaks for a moment before and after, as where a recorder is started early and stopped late."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between

QUIET_SHARE = 0.1  # of the frames: a pause is as loud as the quietest of the utterance
FRAME = 400  # samples


class Pauses(Section):
    """Faint noise of `seconds`, drawn anew for each end."""

    probability: Probability = 0.3
    seconds: Annotated[Range, between(0, 5)] = (0.0, 0.3)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N + about 2 x seconds x rate,)."""
        counts = [int(rng.uniform(*self.seconds) * scene.sample_rate) for _ in range(2)]
        level = quietest(samples)
        before, after = (np.asarray(level * rng.standard_normal(count), dtype=np.float32) for count in counts)
        phrase = f"pauses {counts[0] / scene.sample_rate:.2f} and {counts[1] / scene.sample_rate:.2f} s"
        return np.concatenate((before, samples, after)), phrase


def quietest(samples: Samples) -> float:
    """Root mean square of the quietest tenth of the frames."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) if len(samples) >= FRAME else samples[None]
    levels = np.sort(np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1)))
    return float(levels[: max(1, round(QUIET_SHARE * len(levels)))].mean())
