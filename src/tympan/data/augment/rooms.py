"""Rooms: the utterance is heard in a measured room, or in one that is calculated.

Source: Ko et al. 2017, A study on data augmentation of reverberant speech for robust speech recognition.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import model_validator

from tympan.data.augment.convolution import convolve
from tympan.data.augment.image_source import Shoebox, draw_room, simulate
from tympan.data.augment.levels import at_power, power
from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Section


class Rooms(Section):
    """Measured responses (`manifest`), calculated ones (`simulated`), or either with equal chance."""

    probability: Probability = 0.2
    manifest: Path | None = None
    simulated: Shoebox | None = None

    @model_validator(mode="after")
    def has_rooms(self) -> Rooms:
        if self.manifest is None and self.simulated is None:
            raise ValueError("needs 'manifest', 'simulated' or both")
        return self

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        calculated = rng.random() < 0.5
        if self.simulated is not None and (calculated or self.manifest is None):
            room = draw_room(self.simulated, rng)
            return add_room(samples, simulate(room, scene.sample_rate, rng), 0), f"room {room}"
        recordings = scene.recordings["rooms"]
        index = int(rng.integers(len(recordings)))
        response = recordings.read(index, 0, recordings.length(index))
        return add_room(samples, response, int(np.argmax(np.abs(response)))), f"room {recordings.name(index)}"


def add_room(samples: Samples, response: Samples, direct: int) -> Samples:
    """Convolve (N,) with an impulse response; length and power stay.

    Args:
        samples: (N,).
        response: (K,).
        direct: where in the response the direct sound is; the words stay in their places.
    """
    return at_power(convolve(samples, response, direct), power(samples)) if len(samples) else samples
