"""Recordings heard as streams, for an evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from streams import RATE, recognizer_of, said
from tympan.streaming import StreamOptions
from tympan.systems import Streamed


@pytest.mark.parametrize("chunked", [True, False])
def test_a_file_is_heard_as_its_packets_are(tmp_path: Path, chunked: bool) -> None:
    recognizer = recognizer_of(tmp_path, chunked=chunked)
    samples = said(0.3, "bad cab", 0.8, "fed a egg")
    soundfile.write(tmp_path / "talk.wav", samples, RATE, subtype="FLOAT")
    stream = recognizer.stream()
    for first in range(0, len(samples), 1600):
        stream.accept(samples[first : first + 1600], RATE)
    system = Streamed(recognizer, StreamOptions())
    assert system.transcribe(tmp_path / "talk.wav") == stream.finish()
    settings = system.search_settings()
    assert settings["streams"] == ("chunks" if chunked else "windows") and ("chunk_s" in settings) == chunked
    assert ("chunks of 320 ms" if chunked else "as a stream in windows") in system.describe_search()
