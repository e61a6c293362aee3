"""From somebody's recordings to a model of their own by one command, and on from there by another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from strategies import Run
from tympan.bundle import Bundle

QUICK = (
    "--set",
    "training.max_epochs=5",
    "--set",
    "training.threads=1",
    "--set",
    "data.workers=0",
    "--set",
    "training.learning_rate=4e-3",
)


@pytest.fixture(scope="module")
def own(tympan: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "run"
    arguments = ["--data", corpus / "train.jsonl", "--dev", corpus / "dev.jsonl", "--size", "tiny", "--name", "yesno", "--run", folder]
    result = tympan("train", *arguments, "--set", f"data.cache={folder.parent}/cache", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "chosen: " in result.stderr and "chosen.yaml" in result.stderr
    return folder


def wer(tympan: Run, manifest: Path, model: Path) -> float:
    report = model.with_name("report.json")
    result = tympan("evaluate", manifest, "--model", model, "--output", report)
    assert result.returncode == 0, result.stderr
    return float(json.loads(report.read_text())["wer"])


def test_data_and_a_size_give_a_model_with_a_scorer_of_its_words(tympan: Run, own: Path, corpus: Path) -> None:
    assert (own / "model.scorer").is_file()
    assert wer(tympan, corpus / "test.jsonl", own / "model.tympan") <= 0.05
    chosen = (own / "chosen.yaml").read_text()
    assert chosen.startswith("# ") and yaml.safe_load(chosen)["model"]["encoder"]["name"] == "conformer"


def test_chosen_recipe_trains_again_by_itself(tympan: Run, own: Path) -> None:
    result = tympan("train", own / "chosen.yaml", "--dry-run")
    assert result.returncode == 0, result.stderr
    facts = yaml.safe_load(result.stdout)
    assert facts["forecast"]["epochs"] == 5 and facts["forecast"]["steps_an_epoch"] > 0


@pytest.mark.parametrize("start", ["model.tympan", pytest.param("best.safetensors", marks=pytest.mark.long)])
def test_finetuning_goes_on_from_a_bundle_or_a_checkpoint(tympan: Run, own: Path, corpus: Path, tmp_path: Path, start: str) -> None:
    rows = [json.loads(line) for line in (corpus / "train.jsonl").read_text().splitlines()[:30]]
    for row in rows:  # other words for the same sounds: a y and an ö that the model has not
        row["text"] = row["text"].replace("no", "nö")
        row["audio_filepath"] = str(corpus / row["audio_filepath"])
    data = tmp_path / "more.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["--data", data, "--dev", data, "--watch", corpus / "dev.jsonl", "--run", tmp_path / "run"]
    quick = ("--set", f"data.cache={tmp_path}/cache", "--set", "training.max_epochs=1", "--set", "data.workers=0")
    # `--watch` is spelled with the old letters, which the new table still has
    result = tympan("finetune", own / start, *arguments, *quick)
    assert result.returncode == 0, result.stderr
    assert "added to the" in result.stderr and "'ö'" in result.stderr
    assert "before the first step: WER" in result.stderr and "after the last step: WER" in result.stderr
    assert "on data.watch" in result.stderr
    tokens = Bundle.open(tmp_path / "run" / "model.tympan").tokens.tokens
    assert tokens == (*Bundle.open(own / "model.tympan").tokens.tokens, "ö")


def test_train_needs_a_recipe_or_data(tympan: Run, corpus: Path) -> None:
    for arguments in ([], ["recipes/yesno.yaml", "--data", corpus / "train.jsonl"]):
        result = tympan("train", *arguments)
        assert result.returncode == 2 and "Give a recipe or --data" in result.stderr
