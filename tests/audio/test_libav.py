"""AAC, MP4 and video: with PyAV they are read, without it the answer is the command that helps."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from tympan.audio import TruncatedAudioWarning, blocks, info, read
from tympan.errors import AudioError, MissingExtraError

RATE = 44100
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)


@pytest.fixture
def av():
    return pytest.importorskip("av", reason="PyAV (extra `media`) is not installed")


def written(av, container: str, codec: str, rate: int = RATE, picture: bool = False, sound: bool = True) -> bytes:
    file = io.BytesIO()
    write(av, file, container, codec, rate, picture, sound)
    return file.getvalue()


def write(av, file, container: str, codec: str, rate: int = RATE, picture: bool = False, sound: bool = True, **options: str) -> None:
    """Encode TONE in stereo; the tone is given at RATE and stored at `rate`."""
    with av.open(file, "w", format=container, options=options) as output:
        if picture:
            video = output.add_stream("mpeg4", rate=5)
            video.width = video.height = 32
        if sound:
            audio = output.add_stream(codec, rate=rate, layout="stereo")
        if picture:
            for _ in range(15):
                output.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
            output.mux(video.encode(None))
        if sound:
            frame = av.AudioFrame.from_ndarray(np.stack([TONE, TONE]), format="fltp", layout="stereo")
            frame.sample_rate = RATE
            resampler = av.AudioResampler(
                format=audio.format.name, layout="stereo", rate=rate, frame_size=audio.codec_context.frame_size or 1024
            )
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(audio.encode(part))
            output.mux(audio.encode(None))


@pytest.mark.parametrize(
    ("container", "codec", "rate", "kind"),
    [
        ("ipod", "aac", RATE, "MP4 aac"),
        ("adts", "aac", RATE, "AAC aac"),
        ("webm", "libopus", 48000, "WebM opus"),
        ("ipod", "alac", RATE, "MP4 alac"),
    ],
)
def test_media_formats_give_the_tone_that_was_written(av, container, codec, rate, kind):
    data = written(av, container, codec, rate)
    samples = read(data)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(3 * 16000, abs=0.1 * 16000)
    spectrum = np.abs(np.fft.rfft(samples[8000:40000]))
    assert np.argmax(spectrum) == 880  # 440 Hz in 2 s
    assert np.abs(samples[8000:40000]).max() == pytest.approx(0.5, abs=0.05)
    facts = info(data)
    assert facts.format == kind
    assert (facts.sample_rate, facts.channels) == (rate, 2)
    np.testing.assert_array_equal(np.concatenate(list(blocks(data, block_s=0.3))), samples)


def test_the_sound_of_a_film_is_read_from_a_path(av, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(written(av, "mp4", "aac", picture=True))
    assert len(read(path)) == pytest.approx(3 * 16000, abs=0.1 * 16000)
    assert info(path).duration_s == pytest.approx(3, abs=0.1)


def test_a_silent_film_is_told(av, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(written(av, "mp4", "aac", picture=True, sound=False))
    with pytest.raises(AudioError, match=r"film\.mp4 \(MP4\) has no audio track"):
        read(path)


def test_half_an_m4a_with_its_index_in_front_is_given_with_a_warning(av, tmp_path):
    path = tmp_path / "talk.m4a"
    write(av, str(path), "ipod", "aac", movflags="faststart")  # moves the index by opening the file again: needs a path
    data = path.read_bytes()
    with pytest.warns(TruncatedAudioWarning, match=r"ends early.*of 3\.0 s"):
        assert 0.5 * 16000 < len(read(data[: len(data) // 2])) < 2.5 * 16000


def test_an_m4a_cut_before_its_index_is_told(av):
    data = written(av, "ipod", "aac")
    with pytest.raises(AudioError, match="is AAC, but damaged or cut off"):
        read(data[: len(data) // 2])


def test_a_playlist_opens_nothing(av, tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\nsecret.wav\n")
    with pytest.raises(AudioError, match="is not audio: it is text"):
        read(path)


@pytest.mark.parametrize(("name", "brand", "kind"), [("talk.m4a", b"M4A ", "AAC"), ("film.mp4", b"isom", "MP4")])
def test_without_pyav_the_answer_is_the_command_that_helps(name, brand, kind, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / name
    path.write_bytes(b"\x00\x00\x00\x1cftyp" + brand + bytes(100))
    for verb in (read, info):
        with pytest.raises(MissingExtraError, match=rf"{name} is {kind}, which needs.*pip install 'tympan\[media\]'"):
            verb(path)


def test_without_pyav_an_unknown_coding_in_a_known_container_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "call.ogg"
    path.write_bytes(b"OggS\x00\x02" + bytes(20) + b"\x01\x50Speex   1.2" + bytes(200))
    with pytest.raises(AudioError, match=r"call\.ogg .*tympan\[media\]"):
        read(path)
