"""Samples from a pipe."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tympan.audio.piped import PipedFormat, piped
from tympan.errors import AudioError

RAW = PipedFormat(16_000)
SAMPLES = (0.5 * np.sin(np.arange(3000) / 9)).astype(np.float32)


def reader(data: bytes, most: int = 1 << 20) -> Callable[[int], bytes]:
    """Reads as a pipe does: sometimes less than was asked for."""
    file = io.BytesIO(data)
    return lambda count: file.read(min(count, most))


def wav(subtype: str = "PCM_16", channels: int = 1, rate: int = 8_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.stack([SAMPLES] * channels, axis=1), rate, format="WAV", subtype=subtype)
    return file.getvalue()


def heard(read: Callable[[int], bytes], raw: PipedFormat = RAW) -> tuple[int, np.ndarray]:
    packets = list(piped(read, raw))
    assert len({rate for rate, _ in packets}) == 1
    return packets[0][0], np.concatenate([samples for _, samples in packets])


@given(most=st.integers(1, 700))
def test_raw_samples_come_through_however_the_pipe_cuts_them(most: int) -> None:
    data = (SAMPLES * 32767).astype("<i2")
    rate, found = heard(reader(data.tobytes(), most))
    assert rate == 16_000
    np.testing.assert_allclose(found, data / 32768, atol=1e-7)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_says_its_own_rate_coding_and_channels(subtype: str, channels: int) -> None:
    rate, found = heard(reader(wav(subtype, channels), 333))
    assert rate == 8_000 and len(found) >= len(SAMPLES)
    np.testing.assert_allclose(found[: len(SAMPLES)], SAMPLES, atol=1e-4)


def test_lengths_that_a_pipe_cannot_know_are_passed_over() -> None:
    data = bytearray(wav())
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    assert len(heard(reader(bytes(data)))[1]) >= len(SAMPLES)


def test_raw_stereo_is_mixed() -> None:
    left_right = np.stack([np.full(50, 8192, "<i2"), np.full(50, 0, "<i2")], axis=1)
    assert heard(reader(left_right.tobytes()), PipedFormat(48_000, 2)) == (48_000, pytest.approx(np.full(50, 0.125)))


def test_nothing_gives_nothing_and_a_scrap_is_dropped() -> None:
    assert list(piped(reader(b""), RAW)) == list(piped(reader(b"x"), RAW)) == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"OggS" + bytes(100), "compressed container"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(100), "compressed container"),
        (wav()[:20], "ends within the head"),
        (b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff", "before it says their format"),
        (b"RIFF\0\0\0\0WAVE" + struct.pack("<4sI", b"LIST", 1 << 31) + bytes(1 << 17), "head without end"),
        (wav("PCM_24"), "samples of 24 bits"),
        (wav("ALAW"), "samples of 8 bits"),
        (wav(rate=8000).replace(struct.pack("<I", 8000), struct.pack("<I", 3), 1), "says 3 Hz"),
    ],
)
def test_what_is_no_pcm_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence):
        list(piped(reader(data), RAW))


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, 0xFF800000], ids=["quiet NaN", "signalling NaN", "infinity"])
def test_float_samples_that_are_no_numbers_are_refused_in_a_sentence(bits: int) -> None:
    data = bytearray(wav("FLOAT"))
    data[-8:-4] = struct.pack("<I", bits)  # the fuzzer's find: a signalling NaN warned of an invalid division
    with pytest.raises(AudioError, match="NaN or infinite"):
        list(piped(reader(bytes(data)), RAW))


def test_the_mean_of_the_loudest_channels_is_finite() -> None:
    loud = np.full((64, 2), np.finfo(np.float32).max, np.float32)
    _, found = heard(reader(loud.tobytes()), PipedFormat(16_000, 2, kind=3, bits=32))
    assert np.isfinite(found).all()
