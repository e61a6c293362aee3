"""Recordings of browsers, unpacked as they come."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest

from tympan.audio.unpacking import StreamUnpacker
from tympan.errors import AudioError, MissingExtraError

av = pytest.importorskip("av", reason="the extra media is not installed")
RATE = 48_000


def recorded(samples: np.ndarray, container: str, codec: str = "libopus") -> bytes:
    """As a browser writes it."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=RATE, layout="mono")
        for at in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + 960].astype(np.float32), format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def tone(seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize("container", ["webm", "ogg"])
@pytest.mark.parametrize("size", [1, 333, 1 << 20])
def test_what_was_recorded_comes_back_whatever_the_messages(container: str, size: int) -> None:
    data, unpacker, found = recorded(tone(1.0), container), StreamUnpacker(), []
    for at in range(0, len(data), size):
        found += unpacker.feed(data[at : at + size])
    found += unpacker.finish()
    assert {rate for rate, _ in found} == {RATE}
    samples = np.concatenate([each for _, each in found])
    assert abs(len(samples) - RATE) <= 0.03 * RATE
    middle = samples[RATE // 4 : 3 * RATE // 4]
    assert np.abs(np.fft.rfft(middle)).argmax() == 220 and np.abs(middle).max() == pytest.approx(0.3, abs=0.05)
    assert unpacker.thread is not None and not unpacker.thread.is_alive()


def test_sound_is_there_long_before_the_end() -> None:
    data, unpacker, found = recorded(tone(4.0), "webm"), StreamUnpacker(), []
    for at in range(0, len(data) // 2, 200):
        found += unpacker.feed(data[at : at + 200])
        threading.Event().wait(0.002)
    assert sum(len(samples) for _, samples in found) > RATE
    unpacker.close()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"RIFF" + bytes(100), "neither WebM nor Ogg"),
        (b"OggS" + bytes(5000), "cannot be unpacked"),
        (b"\x1aE\xdf\xa3" + bytes(range(256)) * 40, "cannot be unpacked"),
        (recorded(tone(0.2), "ogg", "flac"), "holds no Opus"),
    ],
)
def test_what_is_none_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    unpacker = StreamUnpacker()
    with pytest.raises(AudioError, match=sentence):
        _ = unpacker.feed(data), unpacker.finish()
    assert unpacker.thread is None or not unpacker.thread.is_alive()


def test_a_client_that_goes_leaves_no_thread() -> None:
    unpacker = StreamUnpacker()
    unpacker.feed(recorded(tone(2.0), "webm")[:4000])
    unpacker.close()
    assert unpacker.thread is not None
    unpacker.thread.join(5)
    assert not unpacker.thread.is_alive()


def test_nothing_gives_nothing() -> None:
    unpacker = StreamUnpacker()
    assert unpacker.feed(b"Og") == unpacker.finish() == []


def test_without_pyav_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError) as error:
        StreamUnpacker()
    assert "tympan[media]" in str(error.value)
