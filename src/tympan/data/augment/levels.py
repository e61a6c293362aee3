"""Power, and mixing by it."""

from __future__ import annotations

import numpy as np

from tympan.data.augment.recordings import Samples

SILENCE = 1e-12  # 120 dB below full scale: raised to a level that can be heard, it would be the clicks of single bits


def power(samples: Samples) -> float:
    """Mean square of (N,) samples, 0 for none."""
    return float(np.vdot(samples, samples)) / max(1, len(samples))


def at_power(samples: Samples, wanted: float) -> Samples:
    """`samples` scaled to a mean square; silence stays as it is."""
    found = power(samples)
    return samples * np.float32(np.sqrt(wanted / found)) if found > SILENCE else samples


def mix(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Add noise (N,) to samples (N,), 10 log10(power of samples / power of noise) = snr_db over the whole of both."""
    return samples + at_power(noise, power(samples) / 10 ** (snr_db / 10))
