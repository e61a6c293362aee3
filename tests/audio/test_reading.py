"""read, blocks and info on recordings that are whole."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.audio import blocks, info, read
from tympan.errors import AudioError

FORMATS = [
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "PCM_U8"),
    ("wav", "FLOAT"),
    ("flac", "PCM_16"),
    ("ogg", "VORBIS"),
    ("ogg", "OPUS"),
    ("mp3", None),
]


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encoded(samples: np.ndarray, rate: int, container: str = "wav", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
@pytest.mark.parametrize("rate", [8000, 48000])
def test_each_format_gives_the_tone_that_was_written(container, subtype, rate):
    samples = read(encoded(np.stack([tone(1, rate), tone(1, rate)], axis=1), rate, container, subtype))
    assert samples.dtype == np.float32
    assert samples.shape == (16000,)
    inner = slice(1600, -1600)  # lossy codecs and resampling ring at the ends
    assert np.corrcoef(samples[inner], tone(1, 16000)[inner])[0, 1] > 0.995


def test_channels_are_averaged():
    left, right = tone(0.2, 16000), tone(0.2, 16000, 1000)
    samples = read(encoded(np.stack([left, right], axis=1), 16000, "wav", "FLOAT"))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-7)


def test_resampling_is_soxr_high_quality():
    stored = tone(3, 44100)
    np.testing.assert_array_equal(read(encoded(stored, 44100, "wav", "FLOAT")), soxr.resample(stored, 44100, 16000, quality="HQ"))


def test_path_bytes_file_object_and_pipe_give_the_same(tmp_path):
    data = encoded(tone(0.5, 22050), 22050, "flac")
    path = tmp_path / "tone.flac"
    path.write_bytes(data)
    expected = read(path)
    reading, writing = os.pipe()
    writer = threading.Thread(target=lambda: [os.write(writing, data), os.close(writing)])
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        from_pipe = read(pipe)
    writer.join()
    with path.open("rb") as file:
        file.read(100)
        from_file = read(file)
        assert not file.closed
    for other in (read(str(path)), read(data), read(bytearray(data)), read(io.BytesIO(data)), from_pipe, from_file):
        np.testing.assert_array_equal(other, expected)


def test_the_name_of_a_file_decides_nothing(tmp_path):
    for name in ("talk.raw", "talk.mp3", "talk.m4a", "talk"):
        path = tmp_path / name
        path.write_bytes(encoded(tone(0.1, 16000), 16000, "wav"))
        assert len(read(path)) == 1600
        with path.open("rb") as file:
            assert len(read(file)) == 1600


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(4, 9000),
    rate=st.sampled_from([8000, 11025, 16000, 44100]),
    block_ms=st.integers(1, 700),
    seed=st.integers(0, 2**16),
)
def test_read_is_the_blocks_joined(length, rate, block_ms, seed):
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (length, 2)).astype(np.float32)
    size = round(block_ms / 1000 * 16000)
    parts = list(blocks(samples, block_s=block_ms / 1000, source_rate=rate))
    np.testing.assert_array_equal(np.concatenate(parts), read(samples, source_rate=rate))
    assert all(len(part) == size for part in parts[:-1])
    assert 1 <= len(parts[-1]) <= size


def test_blocks_do_not_share_memory_with_the_array_they_came_from():
    stored = np.zeros(100, np.float32)
    next(blocks(stored))[:] = 1
    assert not stored.any()


def test_a_hot_mix_is_clipped():
    assert read(np.array([0.5, 1.5, -3.0], np.float32)).tolist() == [0.5, 1.0, -1.0]


def test_blocks_of_a_long_recording_need_the_memory_of_one_block():
    minutes = encoded(np.zeros(16000 * 600, np.int16), 16000, "flac")
    tracemalloc.start()
    try:
        seconds = sum(len(block) for block in blocks(minutes, block_s=2.0)) / 16000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds == 600
    assert peak < 2**20 + len(minutes)  # whole: 38 MB; a block: 0.13 MB


def test_info_tells_the_header(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(encoded(np.zeros((4410, 2)), 44100, "wav", "PCM_24"))
    facts = info(path)
    assert (facts.sample_rate, facts.channels, facts.duration_s, facts.format) == (44100, 2, 0.1, "WAV PCM_24")


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_info_agrees_with_what_is_read(container, subtype):
    data = encoded(tone(1, 48000), 48000, container, subtype)
    assert info(data).sample_rate == 48000
    assert info(data).duration_s == pytest.approx(len(read(data, 48000)) / 48000, abs=0.001)


@pytest.mark.parametrize("rate", [0, -1, 999, 10**9, float("nan")])
def test_impossible_rates_are_refused_with_the_range(rate):
    with pytest.raises(AudioError, match=r"sample_rate must be 1,000 to 768,000 Hz"):
        blocks(np.zeros(10, np.float32), rate)


@pytest.mark.parametrize("block_s", [0, -1, 1e-9, float("nan"), float("inf")])
def test_impossible_blocks_are_refused_before_reading(block_s):
    with pytest.raises(AudioError, match="block_s must be a positive time"):
        blocks(np.zeros(10, np.float32), block_s=block_s)


def test_a_rate_for_a_file_is_refused():
    with pytest.raises(AudioError, match="a file says its own rate"):
        read(encoded(tone(0.1, 16000), 16000), source_rate=8000)


def test_less_than_one_sample_at_the_wanted_rate_is_told():
    with pytest.raises(AudioError, match="shorter than one sample at 16000 Hz"):
        read(np.zeros(1, np.float32), source_rate=48000)


def test_importing_the_room_loads_no_codec():
    code = "import sys, tympan.audio; print([m for m in ('soundfile', 'soxr', 'av', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
