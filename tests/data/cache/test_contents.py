"""What is kept of a recording: samples to 16 bits, features that are those of these samples to the bit, or a length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tympan import audio
from tympan.data.cache import FrameFeatures, Lengths, Waveform
from tympan.data.cache.contents import quantized, restored, truncation_is_an_error
from tympan.errors import AudioError
from tympan.features import Fbank80, Mel128, Stft193


@pytest.mark.parametrize("level", [1.0, -1.0, 0.99999, 0.0])
def test_full_scale_stays_within_sixteen_bits(level: float) -> None:
    np.testing.assert_allclose(restored(quantized(np.full(5, level, np.float32))), level, atol=1 / 32768)


def test_sixteen_bits_come_back_as_they_were() -> None:
    values = np.arange(-32768, 32768).astype(np.int16)
    assert np.array_equal(quantized(restored(values)), values)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.flac", 0.3 * np.random.default_rng(0).standard_normal(20_000), 16_000)
    return tmp_path / "a.flac"


def test_features_are_those_of_the_samples_that_a_waveform_keeps(recording: Path) -> None:
    extractor = Fbank80()
    samples, features = Waveform(16_000).take(recording), FrameFeatures(extractor).take(recording)
    assert samples.samples == features.samples == 20_000
    assert np.array_equal(features.rows, extractor(restored(samples.rows)))


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_length_by_the_header_is_that_of_the_samples(recording: Path, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Waveform(rate).take(recording).samples

    def read(*_: object) -> None:
        raise AssertionError("nothing has to be decoded")

    monkeypatch.setattr(audio, "read", read)
    assert Lengths(rate).take(recording).samples == expected


def test_length_that_no_header_tells_is_decoded(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "info", lambda path: audio.AudioInfo(16_000, 1, None, "FLAC"))
    assert Lengths(16_000).take(recording).samples == 20_000


@pytest.mark.parametrize("content", [Waveform(16_000), FrameFeatures(Fbank80()), Lengths(16_000)])
def test_what_is_no_audio_cannot_be_kept(tmp_path: Path, content: Any) -> None:
    (tmp_path / "a.wav").write_bytes(b"hello")
    with pytest.raises(AudioError, match=r"a\.wav is not audio"):
        content.take(tmp_path / "a.wav")


def test_a_recording_that_ends_early_raises(recording: Path) -> None:
    recording.write_bytes(recording.read_bytes()[:20_000])
    with truncation_is_an_error(), pytest.raises(audio.TruncatedAudioWarning):
        Waveform(16_000).take(recording)


def test_front_ends_and_their_options_have_contents_of_their_own() -> None:
    extractors = [Fbank80(), Mel128(), Mel128(log=True), Stft193(), Stft193(sample_rate=16_000)]
    assert len({FrameFeatures(extractor).name for extractor in extractors}) == len(extractors)
    assert FrameFeatures(Fbank80()).name == FrameFeatures(Fbank80()).name


def test_another_arithmetic_of_a_front_end_is_another_content(monkeypatch: pytest.MonkeyPatch) -> None:
    before = FrameFeatures(Fbank80()).name
    compute = Fbank80.compute
    monkeypatch.setattr(Fbank80, "compute", lambda self, frames: compute(self, frames) + np.float32(0.02))
    assert FrameFeatures(Fbank80()).name != before


def test_bytes_are_told_rightly(recording: Path) -> None:
    for content in (Waveform(16_000), FrameFeatures(Fbank80()), Lengths(16_000)):
        rows = content.take(recording).rows
        assert rows.nbytes == pytest.approx(content.bytes_per_second * 1.25, rel=0.03)
