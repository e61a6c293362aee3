"""Changes of training audio: speed, rooms, noise, non-speech, and masks over the features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]

SPEED_BASE = 1000  # soxr takes rates in Hz; a factor of 1.1 becomes 1100 -> 1000


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play `factor` times as fast, pitch too (Ko et al. 2015, Audio augmentation for speech recognition)."""
    import soxr

    if factor == 1.0 or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, round(SPEED_BASE * factor), SPEED_BASE, quality="MQ"), dtype=np.float32)


def add_room(samples: Samples, response: Samples) -> Samples:
    """Convolve with a room's impulse response, aligned at its direct sound, at the same power as before; the length stays."""
    if not len(samples):
        return samples
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    delay = int(np.argmax(np.abs(response)))
    wet = wet[delay : delay + len(samples)]
    power = float(np.sqrt(np.mean(wet**2)))
    return (wet * (float(np.sqrt(np.mean(samples**2))) / power if power > 0 else 1.0)).astype(np.float32)


def add_noise(samples: Samples, noise: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """Add `noise`, repeated from a random place, at a signal-to-noise ratio over the whole utterance."""
    if not len(samples) or not len(noise):
        return samples
    start = int(rng.integers(len(noise)))
    noise = np.resize(np.roll(noise, -start), len(samples))
    signal_power, noise_power = float(np.mean(samples**2)), float(np.mean(noise**2))
    if noise_power == 0:
        return samples
    gain = np.sqrt(signal_power / noise_power / 10 ** (snr_db / 10))
    return np.asarray(samples + gain * noise, dtype=np.float32)


def nonspeech(noises: Sequence[Samples], sample_rate: int, rng: np.random.Generator) -> Samples:
    """One to six seconds in which nobody speaks: a noise, white or brown noise, a tone, or silence."""
    count = int(rng.uniform(1, 6) * sample_rate)
    kind = rng.choice(["noise", "white", "brown", "tone", "silence"] if noises else ["white", "brown", "tone", "silence"])
    level = 10 ** rng.uniform(-4, -0.7)
    if kind == "noise":
        noise = noises[int(rng.integers(len(noises)))]
        return np.asarray(np.resize(np.roll(noise, int(rng.integers(len(noise)))), count), dtype=np.float32)
    if kind == "silence":
        return np.asarray(rng.standard_normal(count) * rng.choice([0.0, 1e-5, 1e-4]), dtype=np.float32)
    if kind == "tone":
        times = np.arange(count) / sample_rate
        partials = sum(np.sin(2 * np.pi * rng.uniform(80, 4000) * times) for _ in range(int(rng.integers(1, 4))))
        return (level / 3 * np.asarray(partials)).astype(np.float32)
    white = rng.standard_normal(count)
    if kind == "brown":
        white = np.cumsum(white)
        white -= np.linspace(white[0], white[-1], count)
    return np.asarray(level * white / (np.abs(white).max() + 1e-9), dtype=np.float32)


def mask_features(
    features: Features,
    rng: np.random.Generator,
    *,
    frequency_masks: int,
    frequency_width: int,
    time_masks: int,
    time_share: float,
) -> Features:
    """SpecAugment without warping, filled with 0: call it on normalised features, whose mean is 0.

    Args:
        features: (T, F).
        frequency_width: a mask covers 0 to this many bands.
        time_share: a mask covers up to this share of T.

    Source: Park et al. 2019, arXiv:1904.08779, section 2, with the adaptive width of arXiv:1912.05533.
    """
    features = features.copy()
    frames, bands = features.shape
    for _ in range(frequency_masks):
        width = min(bands, int(rng.integers(frequency_width + 1)))
        start = int(rng.integers(bands - width + 1))
        features[:, start : start + width] = 0
    widest = int(frames * time_share)
    for _ in range(time_masks if widest else 0):
        width = int(rng.integers(widest + 1))
        start = int(rng.integers(frames - width + 1))
        features[start : start + width] = 0
    return features
