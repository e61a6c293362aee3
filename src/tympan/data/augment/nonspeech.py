"""Non-speech: extra utterances in which nobody speaks, so that the recogniser learns to be silent."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from tympan.data.augment.recordings import Recordings, Samples, excerpt
from tympan.data.augment.section import Section


class Nonspeech(Section):
    """`share` extra utterances for each utterance of the training, with empty transcripts."""

    share: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.01


def make_nonspeech(noises: Recordings | None, sample_rate: int, rng: np.random.Generator) -> Samples:
    """One to six seconds of a noise, white or brown noise, tones, or silence."""
    count = int(rng.uniform(1, 6) * sample_rate)
    kind = rng.choice(["noise", "white", "brown", "tone", "silence"] if noises is not None else ["white", "brown", "tone", "silence"])
    level = 10 ** rng.uniform(-4, -0.7)
    if kind == "noise" and noises is not None:
        return excerpt(noises, int(rng.integers(len(noises))), count, rng)
    if kind == "silence":
        return np.asarray(rng.standard_normal(count) * rng.choice([0.0, 1e-5, 1e-4]), dtype=np.float32)
    if kind == "tone":
        times = np.arange(count) / sample_rate
        partials = sum(np.sin(2 * np.pi * rng.uniform(80, min(4000, sample_rate / 2)) * times) for _ in range(int(rng.integers(1, 4))))
        return (level / 3 * np.asarray(partials)).astype(np.float32)
    white = rng.standard_normal(count)
    if kind == "brown":
        white = np.cumsum(white)
        white -= np.linspace(white[0], white[-1], count)
    return np.asarray(level * white / (np.abs(white).max() + 1e-9), dtype=np.float32)
