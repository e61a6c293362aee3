"""A small corpus with all that a manifest may hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from sounds import RATE, white
from tympan.data import write_manifest

IDS = ("84-121123-0000", "a.b", "größe", "../../etc/passwd", "x" * 200, "a b", "A B", "q-1", "q-2", "last")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rows = []
    for number, id in enumerate(IDS):
        path = tmp_path / "clips" / f"{number}.{'wav' if number % 2 else 'flac'}"
        path.parent.mkdir(exist_ok=True)
        samples = white(3000 + 500 * number, seed=number)
        soundfile.write(path, samples, RATE)
        more = {"speaker": f"s{number % 3}", "age": number} if number % 2 else {}
        rows.append({"audio_filepath": f"clips/{path.name}", "duration": len(samples) / RATE, "text": f"wörter {number}", "id": id, **more})
    del rows[-1]["id"]
    write_manifest(tmp_path / "all.jsonl", rows)
    return tmp_path / "all.jsonl"
