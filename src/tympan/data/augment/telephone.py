"""Telephone: 8,000 samples a second, the coding of ITU-T G.711, and nothing outside of 300 to 3,400 Hz."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from tympan.data.augment.codec import fitted, through_codec
from tympan.data.augment.convolution import convolve
from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Section, not_empty

RATE = 8000
LOW_HZ, HIGH_HZ = 300.0, 3300.0  # where the filter gives half the amplitude
SLOPE_HZ = 100.0  # to both sides of these, from all to nothing: 74 dB under it with Blackman's window
BLACKMAN = 5.5  # length of the filter in samples x width of its slope as a share of the rate


class Telephone(Section):
    """One of `codings`: mu-law in America and Japan, a-law elsewhere, none for the band alone."""

    probability: Probability = 0.1
    codings: Annotated[tuple[Literal["mu-law", "a-law", "none"], ...], AfterValidator(not_empty)] = ("mu-law", "a-law")

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        coding = self.codings[int(rng.integers(len(self.codings)))]
        return through_telephone(samples, scene.sample_rate, coding), f"telephone {coding}" if coding != "none" else "telephone"


def through_telephone(samples: Samples, sample_rate: int, coding: str) -> Samples:
    """Limit (N,) samples to a telephone's band and code them; length and places stay."""
    import soxr

    if not len(samples):
        return samples
    slower = sample_rate > RATE
    sound: Samples = soxr.resample(samples, sample_rate, RATE) if slower else samples
    if coding != "none":
        sound = through_codec(sound, min(sample_rate, RATE), coding)
    if slower:
        sound = fitted(soxr.resample(sound, RATE, sample_rate), len(samples))
    band = band_filter(sample_rate)
    return convolve(sound, band, len(band) // 2)


def band_filter(sample_rate: int) -> Samples:
    """(K,), K odd: a linear-phase band-pass, its middle the place of the sample; no upper end where the rate has none."""
    reach = round(BLACKMAN * sample_rate / (2 * SLOPE_HZ)) // 2
    places = np.arange(-reach, reach + 1)
    high = min(2 * HIGH_HZ / sample_rate, 1.0)
    low = min(2 * LOW_HZ / sample_rate, 1.0)
    ideal = high * np.sinc(high * places) - low * np.sinc(low * places)
    return np.asarray(ideal * np.blackman(len(places)), dtype=np.float32)
