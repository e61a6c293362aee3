"""Sources that hold no recording: each answer names the file and says what it is."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from tympan.audio import blocks, info, read
from tympan.errors import AudioError

VERBS = [read, info, blocks]


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_file_is_named_at_once(verb, tmp_path):
    with pytest.raises(AudioError, match=r"gone\.wav: no such file"):
        verb(tmp_path / "gone.wav")


def test_an_address_is_not_downloaded():
    with pytest.raises(AudioError, match="downloads nothing"):
        read("https://example.org/talk.mp3")


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_is_told_with_what_to_give(verb, tmp_path):
    with pytest.raises(AudioError, match=r"is a folder, not a recording.*\*\.wav"):
        verb(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_an_empty_file_is_told(verb, tmp_path):
    path = tmp_path / "empty.wav"
    path.touch()
    with pytest.raises(AudioError, match=r"empty\.wav is empty \(0 bytes\)"):
        verb(path)
    with pytest.raises(AudioError, match=r"empty \(0 bytes\)"):
        verb(b"")


def test_an_empty_file_object_and_an_empty_pipe_are_told():
    with pytest.raises(AudioError, match=r"empty \(0 bytes\)"):
        read(io.BytesIO())
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, pytest.raises(AudioError, match=r"empty \(0 bytes\)"):
        read(pipe)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_forbidden_file_is_told(tmp_path):
    path = tmp_path / "secret.wav"
    path.write_bytes(b"RIFF")
    path.chmod(0)
    with pytest.raises(AudioError, match=r"secret\.wav cannot be opened: Permission denied"):
        read(path)


def test_a_file_opened_as_text_is_told(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_text("abc")
    with path.open(encoding="utf-8") as file, pytest.raises(AudioError, match='mode "rb"'):
        read(file)


@pytest.mark.parametrize("source", [None, 3, [0.0, 0.1]])
def test_other_types_are_refused_with_those_that_work(source):
    with pytest.raises(AudioError, match="Give a path, bytes, a binary file object or a numpy array"):
        read(source)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"call me Ishmael\n" * 100, 'text that begins with "call me Ishmael call me'),
        ("é".encode() * 3000, 'text that begins with "éé'),
        (b"<!DOCTYPE html><html>404</html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip archive"),
        (bytes(5000), "only zero bytes"),
        (b"\x93NUMPY" + bytes(100), "numpy array"),
        ("talk".encode("utf-16"), "no sound format"),
        (np.random.default_rng(0).bytes(5000), "no sound format"),
    ],
)
@pytest.mark.parametrize("verb", [read, info])
def test_what_is_not_audio_is_described(verb, content, what, tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        verb(path)
    assert f"{path} is not audio: it" in caught.value.message
    assert what in caught.value.message
    assert "np.frombuffer" in caught.value.hint
