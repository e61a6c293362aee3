"""`tympan evaluate --stream`: the error rates of live text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from strategies import Run
from streams import RATE, recognizer_of, said


def test_evaluate_hears_streams(tmp_path: Path, tympan: Run) -> None:
    recognizer_of(tmp_path)
    soundfile.write(tmp_path / "talk.wav", np.concatenate([said("bad cab", 1.0), said("fed")]), RATE)
    row = {"audio_filepath": "talk.wav", "duration": 3.0, "text": "bad cab fed", "speaker": "ann", "id": "a"}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n")
    command = ("evaluate", "test.jsonl", "--model", "tones.tympan", "--scorer", "words.scorer")
    result = tympan(*command, "--stream", "--chunk-ms", "80", "--output", "out.json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "0.00%" in result.stdout and "heard as a stream in chunks of 80 ms" in result.stdout
    assert json.loads((tmp_path / "out.json").read_text())["settings"]["chunk_s"] == 0.08
    result = tympan(*command, "--stream", "--second-pass", cwd=tmp_path)
    assert result.returncode == 0 and "0.00%" in result.stdout and "320 ms, then each piece whole" in result.stdout
    refused = tympan(*command, "--second-pass", cwd=tmp_path)
    assert refused.returncode == 2 and "--stream" in refused.stderr
    refused = tympan(*command, "--chunk-ms", "80", cwd=tmp_path)
    assert refused.returncode == 2 and "--stream" in refused.stderr
    refused = tympan("evaluate", "test.jsonl", "--system", "pocketsphinx", "--stream", cwd=tmp_path)
    assert refused.returncode == 2 and "--stream is for Tympan's own models" in refused.stderr
