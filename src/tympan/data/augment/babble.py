"""Babble: several others talk at the same time, behind the speaker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from tympan.data.augment.levels import at_power, mix
from tympan.data.augment.recordings import Recordings, Samples, excerpt
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between, in_order
from tympan.errors import RecipeError

Talkers = Annotated[int, Field(strict=True, ge=1, le=50)]


class Babble(Section):
    """Utterances of `manifest`, or else other utterances of the training, equally loud; the ratio is to all of them together."""

    manifest: Path | None = None
    probability: Probability = 0.1
    talkers: Annotated[tuple[Talkers, Talkers], AfterValidator(in_order)] = (3, 8)
    snr_db: Annotated[Range, between(-40, 100)] = (5.0, 25.0)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,); nothing happens where there is nobody else."""
        recordings = scene.recordings.get("babble")
        if recordings is None:
            raise RecipeError("augment.babble has no manifest, and no utterances of a training are at hand.", "Give it a manifest.")
        others = draw_others(recordings, int(rng.integers(self.talkers[0], self.talkers[1] + 1)), scene.original, rng)
        snr_db = float(rng.uniform(*self.snr_db))
        if not others:
            return samples, ""
        voices = sum((at_power(excerpt(recordings, index, len(samples), rng), 1.0) for index in others), np.zeros_like(samples))
        return mix(samples, voices, snr_db), f"babble of {len(others)}, {snr_db:.0f} dB"


def draw_others(recordings: Recordings, count: int, own: Samples, rng: np.random.Generator) -> list[int]:
    """Up to `count` different recordings, none of them sample by sample the utterance itself."""
    drawn = rng.choice(len(recordings), size=min(count + 1, len(recordings)), replace=False).tolist()
    return [index for index in drawn if not is_same(recordings, index, own)][:count]


def is_same(recordings: Recordings, index: int, own: Samples) -> bool:
    """Whether a recording holds exactly these samples; it is read only if it is as long."""
    return recordings.length(index) == len(own) and np.array_equal(recordings.read(index, 0, len(own)), own)
