"""Every architecture learns a few utterances by heart; a rate or transcripts that make it impossible are found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from noise_corpus import RATE, sections, train_here
from tympan.data import write_manifest
from tympan.errors import TrainingError
from tympan.models.encoders import ENCODERS
from tympan.training.overfit import by_heart
from tympan.training.recipe import check_recipe

TONES = {"a": 400.0, "b": 900.0, "c": 1800.0, " ": 0.0}
TEXTS = ["ab", "cab a", "bc", "a c b"]
SMALL: dict[str, dict[str, Any]] = {
    "conformer": {"dim": 32, "layers": 2, "heads": 2, "kernel": 7, "expansion": 2, "subsampling": 4, "layer_drop": 0.2},
    "crnn_assembly": {"dropout": 0.5},
    "crnn_dredwardhyde": {"blocks": 3, "dropout": 0.5},
    "deepspeech": {"dim": 64, "context": 9},
    "deepspeech2_keras": {"channels": 8, "rnn_layers": 2, "rnn_dim": 64, "dropout": 0.5},
    "deepspeech2_pytorch": {"channels": 4, "rnn_layers": 2, "rnn_dim": 32},
    "e_branchformer": {"dim": 32, "layers": 2, "heads": 2, "feed_forward": 64, "gated": 64, "kernel": 7, "merge_kernel": 3},
    "jasper": {"groups": 2, "blocks": 1, "repeat": 1, "width": 0.1},
    "pyramidal_blstm": {"dim": 32, "layers": 1, "pyramid": 2},
    "quartznet": {"groups": 2, "blocks": 1, "repeat": 1, "width": 0.15},
    "tdnnf": {"dim": 64, "bottleneck": 16, "layers": 6, "prefinal": 32, "dropout": 0.1},
    "transformer": {"dim": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "very_deep_cnn": {"channels": 4, "blocks": 1, "layers": 1, "dim": 24},
    "wave2letter": {"groups": 2, "repeat": 1, "width": 0.1},
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Utterances in which each letter is a tone."""
    rows = []
    rng = np.random.default_rng(0)
    for number, text in enumerate(TEXTS):
        times = np.arange(int(0.24 * RATE)) / RATE
        sound = np.concatenate([0.3 * np.sin(2 * np.pi * TONES[letter] * times) for letter in f" {text} "])
        soundfile.write(tmp_path / f"{number}.wav", sound + 0.003 * rng.standard_normal(len(sound)), RATE)
        rows.append({"audio_filepath": f"{number}.wav", "duration": len(sound) / RATE, "text": text})
    write_manifest(tmp_path / "train.jsonl", rows)
    write_manifest(tmp_path / "dev.jsonl", rows[:1])
    return tmp_path


def recipe(corpus: Path, encoder: dict[str, Any], **training: Any) -> dict[str, Any]:
    options = {"learning_rate": 3e-3, "checkpoint_minutes": 100.0, "accumulate": 4, "ema_decay": 0.99, **training}
    data = {"max_batch_seconds": 20.0}
    head = {"dropout": 0.5} if encoder["name"] != "conformer" else {}
    return sections(corpus, data=data, model={"encoder": encoder, "head": head, "condition": False}, training=options)


def test_there_is_a_case_for_every_architecture() -> None:
    assert set(SMALL) == set(ENCODERS) - {"huggingface"}  # pre-trained by others


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "conformer" else [pytest.mark.long]) for name in SMALL])
def test_every_architecture_learns_four_utterances_by_heart(corpus: Path, tmp_path: Path, name: str) -> None:
    told = train_here(recipe(corpus, {"name": name, **SMALL[name]}), tmp_path / "run", overfit=4).notes
    assert any(note.startswith("The network knows 4 utterances by heart after") for note in told), told


@pytest.mark.parametrize("ctc_head", [pytest.param(False, marks=pytest.mark.long), True])
def test_transducer_learns_four_utterances_by_heart(corpus: Path, tmp_path: Path, ctc_head: bool) -> None:
    changed = recipe(corpus, {"name": "conformer", **SMALL["conformer"]})
    parts = {"predictor": {"name": "stateless", "dim": 32, "dropout": 0.5}, "joiner": {"dim": 32, "dropout": 0.5}, "ctc_head": ctc_head}
    changed["model"] = {"family": "transducer", "encoder": changed["model"]["encoder"], **parts}
    told = train_here(changed, tmp_path / "run", overfit=4).notes
    assert any(note.startswith("The network knows 4 utterances by heart after") for note in told), told


def test_rate_with_which_nothing_is_learnt_is_found_out(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tympan.training.overfit.EPOCHS", 2)
    with pytest.raises(TrainingError, match=r"does not know 4 utterances by heart: WER .*try a tenth, and ten times"):
        train_here(recipe(corpus, {"name": "conformer", **SMALL["conformer"]}, learning_rate=1e-9), tmp_path / "run", overfit=4)


def test_nothing_is_left_that_hinders(corpus: Path) -> None:
    changed = by_heart(check_recipe(recipe(corpus, {"name": "conformer", **SMALL["conformer"]}), "test.yaml"))
    assert changed.model.encoder["dropout"] == 0 and changed.model.encoder["layer_drop"] == 0 and changed.model.head["dropout"] == 0
    assert changed.augment.spec is None and changed.augment.speed is None
    assert changed.training.ema_decay == 0 and changed.training.weight_decay == 0 and changed.training.accumulate == 1
    assert changed.training.learning_rate == 3e-3


def test_preset_loses_its_dropout_too(corpus: Path) -> None:
    data = sections(corpus, model={"preset": "crnn-assembly"})
    data["model"] = {"preset": "crnn-assembly"}
    changed = by_heart(check_recipe(data, "test.yaml"))
    assert changed.model.encoder["dropout"] == 0 and changed.model.head["dropout"] == 0
