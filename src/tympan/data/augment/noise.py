"""Noise: a recording of noise, or made noise, is added at a signal-to-noise ratio over the whole utterance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from tympan.data.augment.levels import mix
from tympan.data.augment.recordings import Samples, excerpt
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between

STEEPEST = 2.0


class Noise(Section):
    """Recordings of `manifest`, one drawn, from a random place on, repeated where it is too short; without one, made noise.

    Made noise has a power that falls with frequency as f^-slope: white (0) to brown (2).
    """

    manifest: Path | None = None
    probability: Probability = 0.3
    snr_db: Annotated[Range, between(-40, 100)] = (5.0, 25.0)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        recordings = scene.recordings.get("noise")
        if recordings is None:
            slope, snr_db = float(rng.uniform(0, STEEPEST)), float(rng.uniform(*self.snr_db))
            return mix(samples, coloured(len(samples), slope, rng), snr_db), f"noise {snr_db:.0f} dB (f^-{slope:.1f})"
        index = int(rng.integers(len(recordings)))
        noise = excerpt(recordings, index, len(samples), rng)
        snr_db = float(rng.uniform(*self.snr_db))
        return mix(samples, noise, snr_db), f"noise {snr_db:.0f} dB ({recordings.name(index)})"


def coloured(count: int, slope: float, rng: np.random.Generator) -> Samples:
    """(N,) normal noise whose power falls with frequency as f^-slope."""
    size = 1 << max(1, (count - 1).bit_length())  # lengths of large prime factors take many times as long
    spectrum = np.fft.rfft(rng.standard_normal(size, dtype=np.float32))
    falling = np.maximum(np.arange(len(spectrum), dtype=np.float32), 1) ** np.float32(-slope / 2)
    return np.asarray(np.fft.irfft(spectrum * falling, size)[:count], dtype=np.float32)
