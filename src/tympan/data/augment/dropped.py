"""Dropped samples: packets that got lost on the way, as stretches of silence."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between


class Dropped(Section):
    """`share` of the samples is lost, in packets of `packet_ms`; they may overlap, then less is lost."""

    probability: Probability = 0.1
    share: Annotated[Range, between(0, 0.5)] = (0.01, 0.1)
    packet_ms: Annotated[Range, between(0.1, 1000)] = (10.0, 60.0)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        share = float(rng.uniform(*self.share))
        packet = max(1, round(float(rng.uniform(*self.packet_ms)) / 1000 * scene.sample_rate))
        return drop(samples, share, packet, rng), f"dropped {share:.0%}"


def drop(samples: Samples, share: float, packet: int, rng: np.random.Generator) -> Samples:
    """Silence at most `share` of (N,) samples, in packets of `packet` samples, the last one shorter."""
    left = int(share * len(samples))
    changed = samples.copy()
    for start in rng.integers(len(samples), size=-(-left // packet)) if left else ():
        lost = changed[start : start + min(packet, left)]
        lost[:] = 0
        left -= packet
    return changed
