"""What holds for every front end: whole = stream, closed-form lengths, bounded memory, refusals."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.errors import ShapeError, TympanError
from tympan.features import from_config
from tympan.features.extractor import BLOCK_FRAMES, reflect

CONFIGS = [
    {"name": "fbank64"},
    {"name": "fbank80"},
    {"name": "mfcc26"},
    {"name": "spec160", "bins": 96},
    {"name": "spec161"},
    {"name": "mel128", "log": False},
    {"name": "mel128", "log": True},
    {"name": "stft193", "sample_rate": 22050},
    {"name": "stft193", "sample_rate": 16000},
    {"name": "waveform"},
]
EXTRACTORS = [from_config(config) for config in CONFIGS]
every_extractor = pytest.mark.parametrize("extractor", EXTRACTORS, ids=repr)


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(num_samples)).astype(np.float32)


def streamed(extractor, samples, cuts):
    stream = extractor.stream()
    edges = [0, *cuts, len(samples)]
    rows = [stream.accept(samples[start:end]) for start, end in itertools.pairwise(edges)]
    return np.concatenate([*rows, stream.finish()])


@st.composite
def cut_samples_N(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    """Samples (N,) with N around the window and block edges, and sorted places to cut, repeated ones (empty pieces) included."""
    num_samples = draw(st.sampled_from([0, 1, 2, 199, 200, 201, 255, 256, 399, 400, 401, 600]) | st.integers(0, 3000))
    cuts = draw(st.lists(st.integers(0, num_samples), max_size=12))
    return noise(num_samples, draw(st.integers(0, 99))), sorted(cuts)


@every_extractor
@given(cut=cut_samples_N())
@settings(max_examples=40, deadline=None)
def test_any_cutting_gives_the_whole_bit_for_bit(extractor, cut) -> None:
    samples, cuts = cut
    assert streamed(extractor, samples, cuts).tobytes() == extractor(samples).tobytes()


@every_extractor
@pytest.mark.parametrize("piece", [1, 7, 160, 401])
def test_equal_pieces_give_the_whole_bit_for_bit(extractor, piece) -> None:
    samples = noise(2000)
    assert np.array_equal(streamed(extractor, samples, range(piece, 2000, piece)), extractor(samples))


@every_extractor
def test_a_recording_longer_than_a_block_is_cut_without_a_seam(extractor) -> None:
    samples = noise(extractor.hop_length * (2 * BLOCK_FRAMES + 3) + 11)
    assert np.array_equal(streamed(extractor, samples, range(977, len(samples), 977)), extractor(samples))


@every_extractor
def test_a_frame_depends_on_its_own_window_only(extractor) -> None:
    samples = noise(4000)
    changed = samples.copy()
    changed[2000] += 0.5
    rows = np.flatnonzero((extractor(samples) != extractor(changed)).any(axis=1))
    first, last = rows[0] * extractor.hop_length - extractor.padding, rows[-1] * extractor.hop_length - extractor.padding
    assert first <= 2000 < last + extractor.window_length
    assert len(rows) <= -(-extractor.window_length // extractor.hop_length)


@every_extractor
def test_a_stream_gives_each_frame_as_soon_as_its_window_is_full(extractor) -> None:
    samples = noise(2000)
    stream = extractor.stream()
    seen = 0
    for end in range(1, 2001):
        seen += len(stream.accept(samples[end - 1 : end]))
        available = end + extractor.padding
        full = max(0, (available - extractor.window_length) // extractor.hop_length + 1) if end > extractor.padding else 0
        assert seen == full


@every_extractor
def test_num_frames_is_the_number_of_rows_for_every_length(extractor) -> None:
    samples = noise(1300)
    for num_samples in range(1301):
        assert extractor.num_frames(num_samples) == len(extractor(samples[:num_samples])), num_samples


@every_extractor
def test_num_frames_counts_windows_worked_by_hand(extractor) -> None:
    centred_20_ms = (3, 3, 101)
    expected = {
        "fbank64": centred_20_ms,
        "fbank80": (0, 1, 98),
        "mel128": (2, 3, 81),
        "mfcc26": (0, 0, 49),
        "spec160": centred_20_ms,
        "spec161": centred_20_ms,
        "stft193": (1, 1, 99),
        "waveform": (1, 1, 50),
    }[extractor.name]
    assert (extractor.num_frames(399), extractor.num_frames(400), extractor.num_frames(16000)) == expected


@every_extractor
def test_features_are_finite_float32_of_the_announced_shape(extractor) -> None:
    features = extractor(noise(5000))
    assert features.dtype == np.float32
    assert features.shape == (extractor.num_frames(5000), extractor.num_features)
    assert np.isfinite(features).all()


@every_extractor
@pytest.mark.parametrize("level", [0.0, 1e-30, 0.5])
def test_silence_and_a_constant_give_finite_features(extractor, level) -> None:
    assert np.isfinite(extractor(np.full(3000, level, np.float32))).all()


@every_extractor
def test_nan_ends_in_its_own_frames(extractor) -> None:
    samples = noise(4000)
    samples[2000] = np.nan
    finite = np.isfinite(extractor(samples)).all(axis=1)
    assert finite[:4].all()
    assert finite[-4:].all()
    assert not finite.all()


@every_extractor
def test_nothing_gives_no_frames(extractor) -> None:
    empty = np.zeros(0, np.float32)
    assert extractor(empty).shape == (0, extractor.num_features)
    assert extractor.stream().finish().shape == (0, extractor.num_features)


@every_extractor
def test_two_streams_of_one_extractor_do_not_mix(extractor) -> None:
    one, two = noise(1500, 1), noise(1500, 2)
    streams = extractor.stream(), extractor.stream()
    rows: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for start in range(0, 1500, 100):
        for k, samples in enumerate((one, two)):
            rows[k].append(streams[k].accept(samples[start : start + 100]))
    for k, samples in enumerate((one, two)):
        assert np.array_equal(np.concatenate([*rows[k], streams[k].finish()]), extractor(samples))


def test_a_caller_may_reuse_its_buffer() -> None:
    extractor = from_config({"name": "fbank80"})
    samples = noise(1000)
    stream = extractor.stream()
    buffer = np.empty(100, np.float32)
    rows = []
    for start in range(0, 1000, 100):
        buffer[:] = samples[start : start + 100]
        rows.append(stream.accept(buffer))
        buffer[:] = 9.0
    assert np.array_equal(np.concatenate([*rows, stream.finish()]), extractor(samples))


@every_extractor
def test_ten_minutes_need_no_large_temporary(extractor) -> None:
    samples = np.zeros(10 * 60 * 16000, np.float32)
    tracemalloc.start()
    try:
        features = extractor(samples)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - features.nbytes < 8 * 2**20


def test_a_finished_stream_says_so() -> None:
    stream = from_config({"name": "fbank80"}).stream()
    stream.finish()
    with pytest.raises(TympanError, match=r"finished.*stream"):
        stream.accept(noise(10))
    with pytest.raises(TympanError, match=r"finished.*stream"):
        stream.finish()


def test_integers_are_refused_with_the_scale_to_use() -> None:
    with pytest.raises(TympanError, match=r"int16.*32768"):
        from_config({"name": "fbank80"})(np.zeros(1000, np.int16))


def test_two_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(1000, 2\).*one channel"):
        from_config({"name": "fbank80"}).stream().accept(np.zeros((1000, 2), np.float32))


@pytest.mark.parametrize(
    ("length", "expected"),
    [(5, [2, 1, 0, 1, 2, 3, 4, 3, 2]), (3, [2, 1, 0, 1, 2, 1, 0]), (2, [0, 1, 0, 1, 0, 1]), (1, [0, 0, 0, 0, 0])],
)
def test_reflection_goes_to_and_fro(length, expected) -> None:
    assert reflect(np.arange(-2, length + 2), length).tolist() == expected


@pytest.mark.parametrize("length", [2, 3, 50, 199, 200, 201, 500])
def test_reflection_equals_numpy(length) -> None:
    samples = np.arange(length)
    assert np.array_equal(samples[reflect(np.arange(-200, length + 200), length)], np.pad(samples, 200, mode="reflect"))
