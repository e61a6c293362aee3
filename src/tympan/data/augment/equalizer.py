"""Equaliser: the colour of another microphone, a smooth random curve over frequency."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Number, Probability, Section

BANDS = 6  # points of the curve, evenly over the frequencies; straight lines in dB between them


class Equalizer(Section):
    """Gains in dB, normally distributed with `deviation_db`, at six frequencies from 0 to half the rate."""

    probability: Probability = 0.5
    deviation_db: Annotated[Number, Field(ge=0, le=40)] = 4.0

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,), at the same power."""
        gains_db = rng.normal(0.0, self.deviation_db, BANDS)
        return equalize(samples, gains_db), f"equalizer {gains_db.min():+.0f} to {gains_db.max():+.0f} dB"


def equalize(samples: Samples, gains_db: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Samples:
    """Filter with gains at evenly spaced frequencies, without delay; the power stays."""
    size = 1 << (2 * len(samples) - 1).bit_length()  # room for the filter's tail, which would else come round to the beginning
    spectrum = np.fft.rfft(samples, size)
    places = np.linspace(0, len(gains_db) - 1, len(spectrum))
    curve = 10 ** (np.interp(places, np.arange(len(gains_db)), gains_db) / 20)
    filtered = np.fft.irfft(spectrum * curve, size)[: len(samples)]
    power, before = float(np.mean(filtered**2)), float(np.mean(samples.astype(np.float64) ** 2))
    return np.asarray(filtered * (np.sqrt(before / power) if power > 0 else 1.0), dtype=np.float32)
