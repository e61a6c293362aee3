"""Models with a speller, whole or block by block, from recipe to transcript, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from strategies import Run
from tympan.bundle import Bundle
from tympan.data import write_manifest

RATE = 16_000
TONES = {"a": 400.0, "b": 900.0, "c": 1800.0, " ": 0.0}
TEXTS = ("ab", "cab a", "bc", "a c b")
PASSES = 40


FAMILIES = {
    "attention": ({}, {"label_smoothing": 0.0, "scheduled_sampling": 0.1, "sampling_ramp": 1.0}),
    "neural-transducer": ({"block": {"frames": 4, "back": 4, "tokens": 6}}, {"label_smoothing": 0.0, "realign_from": 0.7}),
}


@pytest.mark.parametrize("family", ["attention", pytest.param("neural-transducer", marks=pytest.mark.long)])
def test_speller_is_trained_exported_and_transcribes(tympan: Run, tmp_path: Path, family: str) -> None:
    parts, options = FAMILIES[family]
    rows, rng = [], np.random.default_rng(0)
    for number, text in enumerate(TEXTS):
        times = np.arange(int(0.24 * RATE)) / RATE
        sound = np.concatenate([0.3 * np.sin(2 * np.pi * TONES[letter] * times) for letter in f" {text} "])
        soundfile.write(tmp_path / f"{number}.wav", sound + 0.003 * rng.standard_normal(len(sound)), RATE)
        rows.append({"audio_filepath": f"{number}.wav", "duration": len(sound) / RATE, "text": text})
    write_manifest(tmp_path / "train.jsonl", [{**row, "id": f"{turn}-{row['text']}"} for turn in range(PASSES) for row in rows])
    write_manifest(tmp_path / "dev.jsonl", rows)
    recipe = {
        "name": "tones",
        "data": {"train": ["train.jsonl"], "dev": ["dev.jsonl"], "cache": "cache", "workers": 0, "max_batch_seconds": 8},
        "augment": {"spec": None},
        "model": {
            "family": family,
            **parts,
            "encoder": {"name": "conformer", "dim": 32, "layers": 1, "heads": 2, "kernel": 7, "subsampling": 4, "dropout": 0.0},
            "decoder": {"dim": 48, "embedding_dim": 16, "attention": "mlp", "attention_dim": 24},
        },
        "training": {
            "max_epochs": 6,
            "learning_rate": 5e-3,
            "schedule": "constant",
            "warmup_share": 0.05,
            "threads": 1,
            family.replace("-", "_"): options,
        },
        "loggers": [],
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    result = tympan("train", "recipe.yaml", "--run", "run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    result = tympan("transcribe", "1.wav", "--model", "run/model.tympan", "--format", "json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    heard = json.loads(result.stdout)
    assert heard["text"] == "cab a"
    words = [word for segment in heard["segments"] for word in segment["words"]]
    assert [word["text"] for word in words] == ["cab", "a"]
    assert 0 <= words[0]["start"] < words[0]["end"] <= words[1]["start"] < words[1]["end"] <= 1.68
    assert Bundle.open(tmp_path / "run" / "model.tympan").family == family
