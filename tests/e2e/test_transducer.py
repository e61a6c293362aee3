"""A transducer by the command line: trained, exported in 8 bits, transcribed with, gone on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from noise_corpus import make_corpus, sections
from strategies import Run
from tympan.bundle import Bundle

MODEL: dict[str, Any] = {
    "family": "transducer",
    "encoder": {"name": "conformer", "dim": 16, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4},
    "predictor": {"name": "stateless", "dim": 16},
    "joiner": {"dim": 16},
}


@pytest.fixture(scope="module")
def trained(tympan: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training on noise."""
    folder = tmp_path_factory.mktemp("transducer")
    recipe = sections(make_corpus(folder / "corpus"), training={"max_epochs": 2, "accumulate": 1, "consistency": 0.2})
    plain = json.loads(json.dumps({**recipe, "model": MODEL}, default=str))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(plain))
    result = tympan("train", folder / "recipe.yaml", "--run", folder / "run")
    assert result.returncode == 0, result.stderr
    return folder / "run"


def test_its_bundle_holds_three_graphs_and_transcribes(tympan: Run, trained: Path) -> None:
    bundle = Bundle.open(trained / "model.tympan")
    assert bundle.family == "transducer" and sorted(bundle.graphs) == ["joiner", "predictor"]
    assert bundle.model["config"]["ctc_head"] is False  # it was for the training alone
    sound = trained.parent / "corpus" / "0.wav"
    result = tympan("transcribe", sound, "--model", trained / "model.tympan", "--beam-size", "3", "--format", "json")
    assert result.returncode == 0, result.stderr
    assert set(json.loads(result.stdout)["text"]) <= set("abc ")
    shown = tympan("info", trained / "model.tympan")
    assert shown.returncode == 0 and "transducer" in shown.stdout


def test_it_is_exported_in_8_bits(tympan: Run, trained: Path, tmp_path: Path) -> None:
    result = tympan("export", trained / "best.safetensors", "-o", tmp_path / "small.tympan", "--int8")
    assert result.returncode == 0, result.stderr
    assert Bundle.open(tmp_path / "small.tympan").model["weights"] == "int8"


@pytest.mark.long
def test_a_training_goes_on_from_its_bundle_with_a_new_ctc_head(tympan: Run, trained: Path) -> None:
    recipe = trained.parent / "recipe.yaml"
    options = ("--set", f"training.initial={trained / 'model.tympan'}", "--set", "training.max_epochs=1")
    result = tympan("train", recipe, "--run", trained.parent / "again", *options)
    assert result.returncode == 0, result.stderr
    assert "new are: head." in result.stderr


def test_key_of_another_family_is_refused(tympan: Run, trained: Path) -> None:
    result = tympan("train", trained.parent / "recipe.yaml", "--dry-run", "--set", "model.condition=true")
    assert result.returncode == 2 and "family transducer does not use" in result.stderr
