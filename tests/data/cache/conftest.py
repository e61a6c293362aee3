"""Recordings of noise, and who decoded them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tympan import audio
from tympan.data import Utterance

RATE = 8000
Make = Callable[[str, int], Utterance]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a recording of so many samples, which are noise seeded by their number."""

    def write(name: str, count: int) -> Utterance:
        path = tmp_path / "clips" / name  # a fixed folder: shards are cut by names
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.random.default_rng(count).integers(-32768, 32767, count).astype(np.int16), RATE, format="WAV")
        return Utterance(name, path, count / RATE, "")

    return write


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the recordings that were decoded since the test began."""
    names: list[str] = []
    read = audio.read

    def record(source: Path, sample_rate: int, **options: Any) -> np.ndarray:
        names.append(source.name)
        return read(source, sample_rate, **options)

    monkeypatch.setattr(audio, "read", record)
    return names
