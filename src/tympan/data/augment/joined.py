"""Joined utterances: short ones are spoken one after another, as if they were one.

A single word says little of the room and the voice around it, and a network that hears nothing else learns where in a recording it
stands. Joined with others, a word has neighbours, as in speech, and an epoch fewer and fuller frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from tympan.data.augment.pauses import quietest
from tympan.data.augment.recordings import Samples
from tympan.data.augment.section import Number, Probability, Range, Section, between

SHORTEST_S = 0.1  # an utterance counts as at least so long, so that empty ones come to an end


class Joined(Section):
    """Others follow an utterance, any of the training, until there are as many seconds as were drawn from 0 to `seconds`.

    An utterance longer than that stays alone. Those that follow are made as loud as the first; between two is a pause as loud as
    the quietest of the one before.
    """

    probability: Probability = 0.5
    seconds: Annotated[Number, Field(gt=0, le=60)] = 4.0
    pause: Annotated[Range, between(0, 5)] = (0.0, 0.25)

    def followers(self, durations: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """(n, k): which utterances follow each of durations (n,), seconds, by their places; -1 where none does any more."""
        count = len(durations)
        room = np.where(rng.random(count) < self.probability, rng.uniform(0, self.seconds, count), 0) - durations
        columns = []
        while (room > 0).any():
            others = rng.integers(count, size=count)
            room = np.where(room > 0, room - np.maximum(durations[others], SHORTEST_S), 0)
            columns.append(np.where(room > 0, others, -1))
        return np.array(columns, dtype=np.int64).reshape(-1, count).T

    def join(self, sounds: Sequence[Samples], sample_rate: int, rng: np.random.Generator) -> Samples:
        """(N,) of several sounds (N_i,), in their order."""
        parts: list[Samples] = []
        wanted = loudness(sounds[0])
        for sound in sounds:
            if parts:
                level = quietest(parts[-1]) if len(parts[-1]) else 0.0
                count = int(rng.uniform(*self.pause) * sample_rate)
                parts.append(np.asarray(level * rng.standard_normal(count), dtype=np.float32))
            own = loudness(sound)
            parts.append(np.asarray(sound * (wanted / own), dtype=np.float32) if own > 0 and wanted > 0 else sound)
        return np.concatenate(parts)


def loudness(samples: Samples) -> float:
    """Root mean square of (N,)."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0
