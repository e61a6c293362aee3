"""The whole path on the toy: recipe, training, checkpoint, bundle, evaluation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from strategies import Run
from tympan.training.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
CLOCK = {"train/audio_seconds_per_second", "train/waiting_share", "train/memory_bytes"}  # what no two trainings share


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def test_toy_is_learned_exported_and_evaluated(tympan: Run, trained: Path, corpus: Path, tmp_path: Path) -> None:
    result = tympan("evaluate", corpus / "test.jsonl", "--model", trained / "model.tympan", "--output", tmp_path / "result.json")
    assert result.returncode == 0, result.stderr
    outcome = json.loads((tmp_path / "result.json").read_text())
    assert outcome["wer"] < 0.05
    assert outcome["utterances"] == len(outcome["results"]) == 40
    assert {"wer", "cer", "rtf", "utterances", "seconds", "results"} <= outcome.keys()
    assert {"id", "reference", "hypothesis"} <= outcome["results"][0].keys()
    assert f"WER               {outcome['wer']:.2%}" in result.stdout


def test_run_folder_says_what_the_run_was(trained: Path) -> None:
    facts = json.loads((trained / "run.json").read_text())
    assert facts["command"][1:3] == ["train", "recipes/yesno.yaml"]
    assert facts["utterances"] == {"train": 240, "dev": 40}
    assert yaml.safe_load((trained / "recipe.yaml").read_text())["model"]["encoder"]["name"] == "conformer"
    assert list((trained / "tensorboard").glob("events.*"))
    assert [line["epoch"] for line in metrics(trained) if "dev/wer" in line] == list(range(12))


def test_bundle_of_the_run_names_its_training(tympan: Run, trained: Path) -> None:
    facts = json.loads(tympan("info", trained / "model.tympan", "--json").stdout)
    assert facts["name"] == "yesno"
    assert facts["training"]["validation"]["wer"] < 0.05
    assert 0 < facts["training"]["hours"] < 1


def test_existing_run_is_not_overwritten(tympan: Run, trained: Path, overrides: list[str]) -> None:
    before = (trained / "last.safetensors").read_bytes()
    result = tympan("train", "recipes/yesno.yaml", *overrides, "--run", trained)
    assert result.returncode == 2
    assert "--resume" in result.stderr
    assert (trained / "last.safetensors").read_bytes() == before


def test_resume_with_another_recipe_is_refused(tympan: Run, trained: Path, overrides: list[str]) -> None:
    result = tympan("train", "recipes/yesno.yaml", *overrides, "--set", "training.learning_rate=0.5", "--run", trained, "--resume")
    assert result.returncode == 2
    assert "training.learning_rate was 0.003, is 0.5" in result.stderr


def test_int8_bundle_transcribes_like_float(tympan: Run, trained: Path, corpus: Path, tmp_path: Path) -> None:
    assert tympan("export", trained / "best.safetensors", "-o", tmp_path / "small.tympan", "--int8").returncode == 0
    assert (tmp_path / "small.tympan").stat().st_size < 0.6 * (trained / "model.tympan").stat().st_size
    result = tympan("evaluate", corpus / "dev.jsonl", "--model", tmp_path / "small.tympan", "--output", tmp_path / "result.json")
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "result.json").read_text())["wer"] < 0.05


@pytest.mark.long  # test_survives_kills does it at more places, without the command line
def test_killed_training_resumes_to_the_same_weights(overrides: list[str], tmp_path: Path) -> None:
    short = ["--set", "training.max_epochs=2", "--set", "training.checkpoint_minutes=0.0001", "--set", "training.ema_decay=0.5"]
    train = [sys.executable, "-m", "tympan", "train", "recipes/yesno.yaml", *overrides, *short]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*train, "--run", whole], cwd=ROOT, env=environment, check=True, capture_output=True)
    process = subprocess.Popen([*train, "--run", killed], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = killed / "metrics.jsonl"
    while process.poll() is None and not (log.exists() and '"step": 40' in log.read_text()):  # in the second epoch
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = load_checkpoint(killed / "last.safetensors").facts
    assert stopped["batch"] > 0, "the kill did not come in the middle of an epoch"

    subprocess.run([*train, "--run", killed, "--resume"], cwd=ROOT, env=environment, check=True, capture_output=True)
    expected, found = load_checkpoint(whole / "last.safetensors"), load_checkpoint(killed / "last.safetensors")
    assert found.facts == expected.facts
    assert metrics(killed) == metrics(whole)
    for part in ("model", "average", "optimizer"):
        assert getattr(expected, part).keys() == getattr(found, part).keys()
        for name, tensor in getattr(expected, part).items():
            assert torch.equal(tensor, getattr(found, part)[name]), (part, name)


@pytest.mark.parametrize(
    ("recipe", "count"),
    [("librispeech-crnn", 23_705_373), ("librispeech-crnn-deep", 23_714_749), ("ljspeech-deepspeech2", 26_628_480)],
)
def test_dry_run_prints_the_published_parameter_count(tympan: Run, recipe: str, count: int) -> None:
    result = tympan("train", f"recipes/{recipe}.yaml", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert f"parameters: {count}" in result.stdout.splitlines()
    assert yaml.safe_load(result.stdout)["name"] == recipe


def test_mistakes_in_a_recipe_are_told_all_at_once(tympan: Run) -> None:
    result = tympan(
        "train", "recipes/yesno.yaml", "--set", "training.max_epoch=3", "--set", "data.workers=-1", "--set", "augment.speed.factors=[9]"
    )
    assert result.returncode == 2
    for part in ("training.max_epoch: no such key", "data.workers", "augment.speed.factors: 9.0 is not between 0.5 and 2"):
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_manifest_is_a_sentence(tympan: Run, tmp_path: Path) -> None:
    result = tympan("train", "recipes/yesno.yaml", "--set", "data.train=[nowhere.jsonl]", "--run", tmp_path / "run")
    assert result.returncode == 2
    assert "There is no manifest nowhere.jsonl" in result.stderr
