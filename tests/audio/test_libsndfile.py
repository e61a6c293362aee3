"""Damaged recordings: nothing is believed, nothing is lost in silence."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from tympan.audio import TruncatedAudioWarning, blocks, info, read
from tympan.errors import AudioError, TympanError

RATE = 16000
NOISE = (np.random.default_rng(5).standard_normal(RATE) * 0.1).astype(np.float32)


def encoded(container: str, subtype: str | None = None, samples: np.ndarray = NOISE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=container, subtype=subtype)
    return file.getvalue()


def wav_that_claims(data_bytes: int) -> bytes:
    wav = bytearray(encoded("wav", "PCM_16"))
    wav[4:8] = struct.pack("<I", min(data_bytes + 36, 2**32 - 1))
    wav[40:44] = struct.pack("<I", data_bytes)
    return bytes(wav)


def test_a_wav_that_claims_3_6_gigabytes_gives_its_one_second_in_bounded_memory():
    wav = wav_that_claims(3_600_000_000)
    tracemalloc.start()
    try:
        with pytest.warns(TruncatedAudioWarning, match=r"only its first 1\.0 s of 112,500\.0 s"):
            samples = np.concatenate(list(blocks(wav)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(samples, read(encoded("wav", "PCM_16")))
    assert peak < 2**20
    assert info(wav).duration_s == 1.0


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_has_no_size_and_needs_no_warning(size):
    assert len(read(wav_that_claims(size))) == RATE


@pytest.mark.parametrize(("container", "subtype"), [("wav", "PCM_16"), ("flac", None), ("mp3", None)])
def test_half_a_recording_is_given_with_a_warning(container, subtype):
    samples = np.tile(NOISE, 10)
    whole = encoded(container, subtype, samples)
    with pytest.warns(TruncatedAudioWarning, match=r"The audio given as bytes ends early.* only its first \d\.\d s of 10\.0 s can be read"):
        half = read(whole[: len(whole) // 2])
    assert 4 * RATE < len(half) < 6 * RATE
    np.testing.assert_allclose(half[: 4 * RATE], read(whole)[: 4 * RATE], atol=1e-6)


def test_half_an_ogg_is_given_with_a_warning():
    whole = encoded("ogg", "VORBIS", np.tile(NOISE, 10))
    with pytest.warns(TruncatedAudioWarning, match="its last Ogg page is missing"):
        assert len(read(whole[: len(whole) // 2])) > 3 * RATE


def test_a_damaged_middle_is_told_with_the_decoders_words(tmp_path):
    flac = bytearray(encoded("flac", None, np.tile(NOISE, 4)))
    flac[len(flac) // 2 : len(flac) // 2 + 300] = bytes(300)
    path = tmp_path / "scratched.flac"
    path.write_bytes(flac)
    with pytest.warns(TruncatedAudioWarning, match=r"scratched\.flac ends early \(.*lost sync"):
        assert RATE < len(read(path)) < 3 * RATE


def test_a_flac_from_a_pipe_has_no_length_and_is_read_whole():
    flac = bytearray(encoded("flac"))
    flac[21] &= 0xF0  # STREAMINFO: 36 bits of total samples, 0 = unknown (RFC 9639, section 8.2)
    flac[22:26] = bytes(4)
    np.testing.assert_array_equal(read(bytes(flac)), read(encoded("flac")))
    assert info(bytes(flac)).duration_s is None


@pytest.mark.parametrize(("container", "subtype"), [("wav", "PCM_16"), ("flac", None), ("ogg", "VORBIS"), ("ogg", "OPUS")])
def test_a_cut_header_is_told(container, subtype, tmp_path):
    path = tmp_path / "cut.audio"
    path.write_bytes(encoded(container, subtype)[:30])
    with pytest.raises(AudioError, match=r"cut\.audio .*damaged or cut off"):
        read(path)


@pytest.mark.parametrize("container", ["wav", "ogg"])
def test_a_recording_without_samples_is_refused(container):
    with pytest.raises(AudioError, match="holds no samples"):
        read(encoded(container, None, NOISE[:0]))


@pytest.mark.parametrize("rate", [0, 1, 4_000_000_000])
def test_a_header_with_an_impossible_rate_is_refused(rate):
    wav = bytearray(encoded("wav", "PCM_16"))
    wav[24:28] = struct.pack("<I", rate)
    with pytest.raises(AudioError, match="damaged"):
        read(bytes(wav))


def test_nan_in_a_file_is_placed(tmp_path):
    samples = NOISE.copy()
    samples[4000:4003] = np.nan
    path = tmp_path / "nan.wav"
    path.write_bytes(encoded("wav", "FLOAT", samples))
    with pytest.raises(AudioError, match=r"nan\.wav has 3 NaN or infinite samples, the first at 0\.250 s"):
        read(path)


@pytest.mark.filterwarnings("ignore::tympan.audio.TruncatedAudioWarning")
@pytest.mark.parametrize(
    ("container", "subtype"), [("wav", "PCM_16"), ("wav", "FLOAT"), ("flac", None), ("ogg", "VORBIS"), ("ogg", "OPUS")]
)
def test_any_damage_ends_in_samples_or_in_a_sentence(container, subtype):
    whole = encoded(container, subtype, NOISE[:4000])
    rng = np.random.default_rng(11)
    readable = 0
    for _ in range(60):
        damaged = bytearray(whole)
        reach = 60 if rng.random() < 0.5 else len(whole)
        for place in rng.integers(0, reach, 3):
            damaged[place] = rng.integers(0, 256)
        damaged = damaged[: rng.integers(1, len(damaged) + 1)]
        with contextlib.suppress(TympanError):
            samples = read(bytes(damaged))
            assert np.isfinite(samples).all()
            assert np.abs(samples).max() <= 1
            readable += 1
    assert readable < 60
