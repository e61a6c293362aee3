"""By the command line: an encoder from recordings without text, and a recogniser from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from noise_corpus import make_corpus, sections
from strategies import Run
from tympan.data import read_manifest, write_manifest
from tympan.training.checkpoint import load_checkpoint

ENCODER: dict[str, Any] = {"name": "conformer", "dim": 16, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 8}


@pytest.fixture(scope="module")
def pretrained(tympan: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pre-training on noise."""
    folder = tmp_path_factory.mktemp("pretrain")
    corpus = make_corpus(folder / "corpus", train=30, dev=20, samples=(30_000, 40_000))
    for name in ("train", "dev"):
        rows = [{"audio_filepath": str(one.audio), "duration": one.duration} for one in read_manifest(corpus / f"{name}.jsonl")]
        write_manifest(folder / f"{name}-mute.jsonl", rows)
    model = {"family": "best-rq", "encoder": ENCODER, "quantizer": {"codes": 16, "dim": 4}}
    recipe = sections(corpus, training={"max_epochs": 1, "accumulate": 1}, data={"max_batch_seconds": 20.0})
    recipe |= {"model": model, "augment": {}}
    recipe["data"] |= {"train": [folder / "train-mute.jsonl"], "dev": [folder / "dev-mute.jsonl"]}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(recipe, default=str))))
    result = tympan("pretrain", folder / "recipe.yaml", "--run", folder / "run")
    assert result.returncode == 0, result.stderr
    assert "wrong codes" in result.stderr and "Go on: tympan finetune" in result.stdout
    assert not (folder / "run" / "model.tympan").exists()
    return folder / "run"


@pytest.mark.long
def test_finetuning_takes_its_encoder_and_a_new_head(tympan: Run, pretrained: Path) -> None:
    corpus, run = pretrained.parent / "corpus", pretrained.parent / "tuned"
    data = ("--data", corpus / "train.jsonl", "--dev", corpus / "dev.jsonl")
    options = ("--run", run, "--set", "training.max_epochs=1", f"data.cache={corpus}/cache", "training.threads=1")
    result = tympan("finetune", pretrained / "best.safetensors", *data, *options)
    assert result.returncode == 0, result.stderr
    assert "the encoder heard no text before" in result.stderr
    facts = load_checkpoint(run / "last.safetensors").facts
    assert facts["model"]["encoder"]["dim"] == 16 and facts["model"].get("family", "ctc") == "ctc"
    assert (run / "model.tympan").exists()
    new = next(line for line in result.stderr.splitlines() if "new are:" in line)
    assert "head." in new and "encoder." not in new.split("new are:")[1]


def test_what_is_no_recogniser_is_not_exported(tympan: Run, pretrained: Path, tmp_path: Path) -> None:
    result = tympan("export", pretrained / "best.safetensors", "-o", tmp_path / "x.tympan")
    assert result.returncode == 2 and "is of a pre-training and writes no text" in result.stderr


def test_recipe_of_a_recogniser_is_refused(tympan: Run) -> None:
    result = tympan("pretrain", "recipes/yesno.yaml")
    assert result.returncode == 2 and "describes a recogniser, not a pre-training" in result.stderr


def test_dry_run_tells_the_codes_shape(tympan: Run, pretrained: Path) -> None:
    result = tympan("pretrain", pretrained.parent / "recipe.yaml", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "family: best-rq" in result.stdout and yaml.safe_load(result.stdout.split("forecast:")[1])["log_probs"][2] == 16
