from __future__ import annotations

import numpy as np
import pytest

from sounds import RATE, Held, white
from tympan.data.augment.nonspeech import make_nonspeech


@pytest.mark.parametrize("noises", [None, Held([white(700)]), Held([white(70_000), white(1)])], ids=["no noise", "short", "two"])
def test_nonspeech_lasts_one_to_six_seconds_and_is_no_louder_than_its_source(noises: Held | None) -> None:
    peaks = []
    for seed in range(60):
        samples = make_nonspeech(noises, RATE, np.random.default_rng(seed))
        assert samples.dtype == np.float32 and samples.ndim == 1
        assert RATE <= len(samples) <= 6 * RATE
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1
        peaks.append(float(np.abs(samples).max()))
    assert min(peaks) < 1e-3 < 0.01 < max(peaks)


def kind_of(samples: np.ndarray) -> str:
    """What it is, judged by its spectrum."""
    if not samples.any():
        return "silence"
    energy = np.abs(np.fft.rfft(samples[:RATE] * np.hanning(RATE))) ** 2  # one bin a hertz
    if energy[:100].sum() > 0.9 * energy.sum():
        return "brown"
    return "tone" if np.sort(energy)[-30:].sum() > 0.9 * energy.sum() else "white"


def test_nonspeech_of_every_kind_is_drawn() -> None:
    kinds = {kind_of(make_nonspeech(None, RATE, np.random.default_rng(seed))) for seed in range(60)}
    assert kinds == {"silence", "brown", "tone", "white"}
    noise = (0.3 * np.sin(np.arange(701) * 2 * np.pi / 701)).astype(np.float32)
    heard = [make_nonspeech(Held([noise]), RATE, np.random.default_rng(seed)) for seed in range(60)]
    assert any(np.isclose(samples.max(), 0.3, atol=1e-3) and np.array_equal(samples[:701], samples[701:1402]) for samples in heard)


def test_tones_fit_below_half_of_a_low_rate() -> None:
    for seed in range(20):
        assert len(make_nonspeech(None, 1000, np.random.default_rng(seed))) >= 1000
