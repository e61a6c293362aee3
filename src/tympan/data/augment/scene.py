"""What a member is given beside the samples, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tympan.data.augment.recordings import Recordings, Samples


@dataclass(frozen=True)
class Scene:
    """What stands around one utterance.

    Attributes:
        sample_rate: Hz.
        recordings: of those members that mix some in, by the member's name.
        original: (N,) the utterance before any change.
    """

    sample_rate: int
    recordings: Mapping[str, Recordings]
    original: Samples


class SoundMember(Protocol):
    """One change of samples; its options are its attributes."""

    @property
    def probability(self) -> float:
        """That it happens to an utterance."""
        ...

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """Change an utterance that was chosen.

        Args:
            samples: (N,) float32 with N > 0, finite, left as they are.
            rng: for everything that is drawn.
            scene: what stands around.

        Returns:
            Finite samples and what was drawn, in a few words for people; no words if nothing could be done.
        """
        ...
