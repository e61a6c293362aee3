"""Changes of training audio: each does what it says and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tympan.data.augment import add_noise, add_room, change_speed, mask_features, nonspeech

RATE = 16_000


def samples_N(count: int = 8000, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


@pytest.mark.parametrize("factor", [0.5, 0.9, 0.95, 1.0, 1.05, 1.1, 2.0])
@pytest.mark.parametrize("count", [1, 100, 7919, 16_000])
def test_speed_divides_the_length(factor: float, count: int) -> None:
    changed = change_speed(samples_N(count), factor)
    assert changed.dtype == np.float32
    assert abs(len(changed) - count / factor) <= 1


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_the_pitch_with_it(factor: float) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    changed = change_speed(tone, factor)
    spectrum = np.abs(np.fft.rfft(changed * np.hanning(len(changed))))
    assert np.argmax(spectrum) * RATE / len(changed) == pytest.approx(1000 * factor, abs=2)
    assert power(changed) == pytest.approx(power(tone), rel=0.02)


def test_speed_one_and_silence_of_no_samples_are_left_alone() -> None:
    samples = samples_N()
    assert np.array_equal(change_speed(samples, 1.0), samples)
    assert len(change_speed(samples[:0], 1.1)) == 0


@pytest.mark.parametrize("position", [0, 1, 400])
@pytest.mark.parametrize("height", [1.0, 0.2, 3.0])
def test_room_of_one_impulse_changes_nothing_wherever_it_stands(position: int, height: float) -> None:
    samples = samples_N(5000)
    response = np.zeros(801, dtype=np.float32)
    response[position] = height
    np.testing.assert_allclose(add_room(samples, response), samples, atol=1e-6)


def test_room_is_the_convolution_from_the_direct_sound_on() -> None:
    samples, response = samples_N(1000), samples_N(300, seed=1)
    direct = int(np.argmax(np.abs(response)))
    assert direct > 0
    expected = np.convolve(samples.astype(np.float64), response)[direct : direct + 1000]
    expected *= np.sqrt(power(samples) / power(expected))
    np.testing.assert_allclose(add_room(samples, response), expected, atol=1e-6)


@given(count=st.integers(1, 300), taps=st.integers(1, 300), seed=st.integers(0, 99))
def test_room_keeps_length_and_power(count: int, taps: int, seed: int) -> None:
    samples, response = samples_N(count, seed), samples_N(taps, seed + 1)
    wet = add_room(samples, response)
    assert wet.dtype == np.float32 and wet.shape == (count,)
    assert power(wet) == pytest.approx(power(samples), rel=1e-4)


def test_room_leaves_silence_silent() -> None:
    assert not add_room(np.zeros(100, np.float32), samples_N(50)).any()
    assert len(add_room(np.zeros(0, np.float32), samples_N(50))) == 0


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5, 40.0])
@pytest.mark.parametrize(("count", "noise_count"), [(8000, 8000), (8000, 301), (500, 9000)])
def test_noise_is_added_at_the_ratio_asked_for(snr_db: float, count: int, noise_count: int) -> None:
    samples, noise = samples_N(count), samples_N(noise_count, seed=1, level=0.7)
    noisy = add_noise(samples, noise, snr_db, np.random.default_rng(2))
    assert noisy.dtype == np.float32 and noisy.shape == samples.shape
    added = noisy.astype(np.float64) - samples
    assert 10 * np.log10(power(samples) / power(added)) == pytest.approx(snr_db, abs=0.05)


def test_noise_begins_at_a_random_place_and_goes_round() -> None:
    samples, noise = samples_N(40), np.arange(1, 11, dtype=np.float32)
    starts = set()
    for seed in range(40):
        added = add_noise(samples, noise, 0.0, np.random.default_rng(seed)) - samples
        heard = np.rint(added / np.abs(added).max() * 10).astype(int)
        assert (np.diff(heard) % 10 == 1).all()
        starts.add(int(heard[0]))
    assert len(starts) > 5


@pytest.mark.parametrize(("count", "noise"), [(0, [1.0]), (5, []), (5, [0.0, 0.0])])
def test_noise_that_cannot_be_heard_changes_nothing(count: int, noise: list[float]) -> None:
    samples = samples_N(count)
    assert np.array_equal(add_noise(samples, np.array(noise, np.float32), 10, np.random.default_rng(0)), samples)


def test_arguments_are_left_as_they_were() -> None:
    samples, other = samples_N(100), samples_N(70, seed=1)
    copies = samples.copy(), other.copy()
    change_speed(samples, 1.1)
    add_room(samples, other)
    add_noise(samples, other, 5, np.random.default_rng(0))
    assert np.array_equal(samples, copies[0]) and np.array_equal(other, copies[1])


@pytest.mark.parametrize("noises", [[], [samples_N(700)], [samples_N(70_000), samples_N(1)]], ids=["no noise", "short", "two"])
def test_nonspeech_lasts_one_to_six_seconds_and_is_no_louder_than_its_source(noises: list[np.ndarray]) -> None:
    peaks = []
    for seed in range(60):
        samples = nonspeech(noises, RATE, np.random.default_rng(seed))
        assert samples.dtype == np.float32 and samples.ndim == 1
        assert RATE <= len(samples) <= 6 * RATE
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1
        peaks.append(float(np.abs(samples).max()))
    assert min(peaks) < 1e-3 < 0.01 < max(peaks)


def kind_of(samples: np.ndarray) -> str:
    """What nonspeech gave, judged by its spectrum."""
    if not samples.any():
        return "silence"
    energy = np.abs(np.fft.rfft(samples[:RATE] * np.hanning(RATE))) ** 2  # one bin a hertz
    if energy[:100].sum() > 0.9 * energy.sum():
        return "brown"
    return "tone" if np.sort(energy)[-30:].sum() > 0.9 * energy.sum() else "white"


def test_nonspeech_of_every_kind_is_drawn() -> None:
    assert {kind_of(nonspeech([], RATE, np.random.default_rng(seed))) for seed in range(60)} == {"silence", "brown", "tone", "white"}
    noise = (0.3 * np.sin(np.arange(701) * 2 * np.pi / 701)).astype(np.float32)
    heard = [nonspeech([noise], RATE, np.random.default_rng(seed)) for seed in range(60)]
    assert any(np.isclose(samples.max(), 0.3, atol=1e-3) and np.array_equal(samples[:701], samples[701:1402]) for samples in heard)


def mask(features: np.ndarray, seed: int = 0, **changes: float) -> np.ndarray:
    options: dict[str, float] = {"frequency_masks": 2, "frequency_width": 5, "time_masks": 3, "time_share": 0.2, **changes}
    return mask_features(features, np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def runs_of(hidden: np.ndarray) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hidden, [False]]).astype(int)))
    return (edges[1::2] - edges[::2]).tolist()


def test_masks_are_no_wider_and_no_more_than_said() -> None:
    features = np.ones((50, 40), np.float32)
    bands_seen, frames_seen = set(), set()
    for seed in range(300):
        one = mask(features, seed, frequency_masks=1, time_masks=1)
        bands, frames = runs_of((one == 0).all(axis=0)), runs_of((one == 0).all(axis=1))
        assert len(bands) <= 1 and len(frames) <= 1
        bands_seen.update(bands or [0])
        frames_seen.update(frames or [0])
        hidden = (one == 0).all(axis=0)[None, :] | (one == 0).all(axis=1)[:, None]
        assert np.array_equal(one, np.where(hidden, 0, features)), "something else than whole bands and frames was changed"
    assert bands_seen == set(range(6))
    assert frames_seen == set(range(11))  # 0.2 of 50


def test_each_band_and_frame_can_be_hidden() -> None:
    features = np.ones((30, 20), np.float32)
    hidden = sum((mask(features, seed) == 0).astype(int) for seed in range(300))
    assert (np.asarray(hidden) > 0).all()


def test_input_is_left_untouched() -> None:
    features = np.ones((50, 40), np.float32)
    assert (mask(features) == 0).any()
    assert (features == 1).all()


@pytest.mark.parametrize("frames", [0, 1, 2])
@pytest.mark.parametrize("share", [0.0, 0.05, 1.0])
def test_utterance_of_hardly_any_frames_keeps_its_shape(frames: int, share: float) -> None:
    for seed in range(20):
        assert mask(np.ones((frames, 8), np.float32), seed, time_share=share, frequency_width=30).shape == (frames, 8)


def test_no_masks_change_nothing() -> None:
    features = np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32)
    assert np.array_equal(mask(features, frequency_masks=0, time_masks=0), features)
    assert np.array_equal(mask(features, frequency_width=0, time_share=0.04), features)
