"""`tympan listen`: a pipe as a subprocess, the microphone by a library that plays one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serving import pcm
from streams import RATE, packets, recognizer_of, said
from tympan.cli import listen
from tympan.errors import MissingExtraError, TympanError

TALK = ("bad cab", 1.0, "fed a egg", 0.9, "bag bad")


def command(folder: Path, *arguments: str) -> list[str]:
    recognizer_of(folder)
    model = ["--model", str(folder / "tones.tympan"), "--scorer", str(folder / "words.scorer")]
    return [sys.executable, "-m", "tympan", "listen", *arguments, *model]


def test_finished_pieces_are_lines_and_a_pipe_may_be_slow(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path, "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for packet in packets(said(0.3, "bad cab", 1.5), [1600]):
            process.stdin.write(pcm(packet))
            process.stdin.flush()
        assert process.stdout.readline() == b"bad cab\n"  # while the pipe is open
        process.stdin.write(pcm(said("fed")))
        process.stdin.close()
        assert process.stdout.read() == b"fed\n" and process.wait() == 0


def test_json_lines_tell_partials_and_finals(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, "-", "--json", "--rate", "16000"), input=pcm(said(0.3, *TALK)), capture_output=True, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    finals = [event for event in events if event["type"] == "final"]
    assert [(each["text"], each["reason"]) for each in finals] == [
        ("bad cab", "endpoint"),
        ("fed a egg", "endpoint"),
        ("bag bad", "finish"),
    ]
    assert any(event["type"] == "partial" for event in events)
    assert all(0 <= word["start"] < word["end"] and 0 <= word["confidence"] <= 1 for each in finals for word in each["words"])


@pytest.mark.parametrize(
    ("arguments", "data", "sentence"),
    [
        (["-"], b"OggS" + bytes(100), "compressed container"),
        (["talk.wav"], b"", "tympan transcribe talk.wav"),
        (["-", "--hot-word", "żółć"], b"", "cannot be spelled"),
    ],
)
def test_mistakes_are_sentences(arguments: list[str], data: bytes, sentence: str, tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, *arguments), input=data, capture_output=True)
    assert done.returncode == 2 and sentence in done.stderr.decode() and b"Traceback" not in done.stderr


class Microphone:
    """Plays a library of sound: the callback is given a recording, then Ctrl-C is pressed."""

    PortAudioError = RuntimeError

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples
        self.closed = False

    def query_devices(self, device: Any = None, kind: Any = None) -> Any:
        one = {"name": "Toy", "default_samplerate": 16_000.0, "max_input_channels": 1}
        if kind is None:
            return [{**one, "max_input_channels": 0}, one]
        if device == "nobody":
            raise ValueError("No input device matching 'nobody'")
        return one

    def InputStream(self, *, callback: Any, blocksize: int, **_: Any) -> Any:
        def start() -> None:
            for packet in packets(self.samples, [blocksize]):
                callback(packet[:, None], len(packet), None, None)

        def close() -> None:
            self.closed = True

        return SimpleNamespace(start=start, stop=lambda: None, close=close)


def test_microphone_is_heard_until_ctrl_c_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = Microphone(said(0.3, "bad cab", 1.0, "fed"))
    monkeypatch.setattr(listen, "library", lambda: toy)
    calls = len(list(packets(toy.samples, [int(listen.PACKET_S * RATE)])))

    def heard() -> Any:
        for count, packet in enumerate(listen.microphone(None), start=1):
            yield packet
            if count == calls:
                raise KeyboardInterrupt

    listen.follow(recognizer_of(tmp_path).stream(), heard(), False)
    assert capsys.readouterr().out == "bad cab\nfed\n"
    assert toy.closed


def test_packets_that_nobody_takes_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    toy = Microphone(np.zeros(RATE * 12, np.float32))
    monkeypatch.setattr(listen, "library", lambda: toy)
    listening = listen.microphone("1")
    assert next(listening)[0] == RATE
    listening.close()  # type: ignore[attr-defined]
    assert "2.0 s of audio were lost" in capsys.readouterr().err


def test_microphones_are_listed_and_a_wrong_one_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "library", lambda: Microphone(np.zeros(0, np.float32)))
    assert listen.microphones() == "1: Toy (16000 Hz)"
    with pytest.raises(TympanError, match=r"cannot be opened.*nobody"):
        next(listen.microphone("nobody"))


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tympan.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        listen.library()
    assert "tympan[mic]" in str(error.value)
