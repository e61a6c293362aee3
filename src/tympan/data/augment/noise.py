"""Noise: a recording of noise is added at a signal-to-noise ratio over the whole utterance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from tympan.data.augment.levels import mix
from tympan.data.augment.recordings import Samples, excerpt
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between


class Noise(Section):
    """Recordings of `manifest`, one drawn, from a random place on, repeated where it is too short."""

    manifest: Path
    probability: Probability = 0.3
    snr_db: Annotated[Range, between(-40, 100)] = (5.0, 25.0)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        recordings = scene.recordings["noise"]
        index = int(rng.integers(len(recordings)))
        noise = excerpt(recordings, index, len(samples), rng)
        snr_db = float(rng.uniform(*self.snr_db))
        return mix(samples, noise, snr_db), f"noise {snr_db:.0f} dB ({recordings.name(index)})"
