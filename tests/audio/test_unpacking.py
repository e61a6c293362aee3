"""Recordings of browsers, unpacked as they come."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest

from tympan.audio.unpacking import MOST_UNPACKED, StreamUnpacker
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
        _ = list(unpacker.feed(data)), list(unpacker.finish())
    assert unpacker.thread is None or not unpacker.thread.is_alive()


def test_a_client_that_goes_leaves_no_thread() -> None:
    unpacker = StreamUnpacker()
    list(unpacker.feed(recorded(tone(2.0), "webm")[:4000]))
    unpacker.close()
    assert unpacker.thread is not None
    unpacker.thread.join(5)
    assert not unpacker.thread.is_alive()


def quiet(seconds: int) -> bytes:
    """Opus of next to no bytes: 60 ms a packet of silence."""
    out = io.BytesIO()
    with av.open(out, "w", format="ogg", options={"page_duration": "5000000"}) as file:
        options = {"frame_duration": "60", "b": "6000", "application": "voip"}
        stream = file.add_stream("libopus", rate=RATE, layout="mono", options=options)
        for at in range(0, seconds * RATE, 2880):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2880), np.float32), format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def unpacking(seconds: int) -> tuple[StreamUnpacker, float]:
    """One that has unpacked all that it may before somebody takes it, and what was taken."""
    data, unpacker, taken = quiet(seconds), StreamUnpacker(), 0.0
    assert len(data) < 300 * seconds
    taken += sum(len(samples) / RATE for _, samples in unpacker.feed(data))
    for _ in range(1000):
        if unpacker.unpacked.full():
            break
        threading.Event().wait(0.01)
    return unpacker, taken


def test_few_bytes_of_much_audio_are_unpacked_no_faster_than_they_are_taken() -> None:
    unpacker, seconds = unpacking(300)
    threading.Event().wait(0.1)  # in which it could run ahead
    assert unpacker.unpacked.qsize() == MOST_UNPACKED and unpacker.thread is not None and unpacker.thread.is_alive()
    seconds += sum(len(samples) / RATE for _, samples in unpacker.finish())
    assert seconds == pytest.approx(300, abs=0.2) and not unpacker.thread.is_alive()


def test_a_client_that_goes_before_all_was_taken_leaves_no_thread() -> None:
    unpacker, _ = unpacking(60)
    unpacker.close()
    assert unpacker.thread is not None
    unpacker.thread.join(5)
    assert not unpacker.thread.is_alive()


@pytest.mark.parametrize("container", ["webm", "ogg"])
@pytest.mark.parametrize("messages", [1, 200])
def test_a_recording_that_breaks_off_is_heard_as_far_as_it_came(container: str, messages: int) -> None:
    data, unpacker, found = recorded(tone(3.0), container)[:-1234], StreamUnpacker(), []
    for at in range(0, len(data), -(-len(data) // messages)):
        found += unpacker.feed(data[at : at - (-len(data) // messages)])
    found += unpacker.finish()
    assert 1.5 * RATE < sum(len(samples) for _, samples in found) < 3 * RATE


def test_nothing_gives_nothing() -> None:
    unpacker = StreamUnpacker()
    assert list(unpacker.feed(b"Og")) == list(unpacker.finish()) == []


def test_without_pyav_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError) as error:
        StreamUnpacker()
    assert "tympan[media]" in str(error.value)
