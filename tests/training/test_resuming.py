"""The same command goes on, begins anew only when asked to, and says which."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from noise_corpus import make_corpus, sections, train_here
from tympan.errors import CheckpointError, TrainingError
from tympan.locks import FileLock
from tympan.training.checkpoint import load_checkpoint
from tympan.training.recipe import load_recipe
from tympan.training.run_folder import LOCK, RunFolder, duration


class Killed(BaseException):
    """Ends a training as a kill would: nothing catches it."""


def kill() -> None:
    raise Killed


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    return sections(make_corpus(tmp_path / "corpus"))


@pytest.fixture
def broken(recipe: dict[str, Any], tmp_path: Path) -> Path:
    """The folder of a training that ended in its second epoch."""
    with pytest.raises(Killed):
        train_here(recipe, tmp_path / "run", {1: kill})
    return tmp_path / "run"


def test_same_command_goes_on_and_says_where(recipe: dict[str, Any], broken: Path) -> None:
    os.utime(broken / "last.safetensors", (0, (broken / "last.safetensors").stat().st_mtime - 7800))
    told = train_here(recipe, broken).notes
    assert "resuming run run at step 6 of 9, 2 h 10 min ago" in told
    assert load_checkpoint(broken / "last.safetensors").facts["epoch"] == 3


def test_finished_run_is_neither_gone_on_with_nor_begun_anew(recipe: dict[str, Any], broken: Path) -> None:
    train_here(recipe, broken)
    with pytest.raises(CheckpointError, match=r"holds a finished training: all 3 epochs are done.*--fresh.*--resume"):
        train_here(recipe, broken)


def test_finished_run_with_more_epochs_goes_on_when_asked_to(recipe: dict[str, Any], broken: Path) -> None:
    train_here(recipe, broken)
    more = {**recipe, "training": {**recipe["training"], "max_epochs": 4}}
    train_here(more, broken)  # it is not finished by this recipe
    assert [row["epoch"] for row in load_checkpoint(broken / "last.safetensors").facts["history"]] == [1, 2, 3, 4]


def test_fresh_begins_anew_and_keeps_the_old_run_beside_it(recipe: dict[str, Any], broken: Path) -> None:
    before = (broken / "last.safetensors").read_bytes()
    told = train_here(recipe, broken, fresh=True).notes
    aside = broken.with_name("run-1")
    assert any(str(aside) in note for note in told)
    assert (aside / "last.safetensors").read_bytes() == before
    assert load_checkpoint(broken / "last.safetensors").facts["epoch"] == 3
    assert not any("resuming" in note for note in told)
    train_here(recipe, broken, fresh=True)
    assert broken.with_name("run-2").is_dir()


def test_run_that_is_being_trained_is_left_alone(recipe: dict[str, Any], broken: Path) -> None:
    lock = FileLock(broken / LOCK)
    assert lock.acquire("process 4711 on elsewhere")
    for options in ({}, {"fresh": True}, {"resume": True}):
        with pytest.raises(CheckpointError, match="is being trained by process 4711 on elsewhere"):
            train_here(recipe, broken, **options)
    lock.release()
    train_here(recipe, broken)


def test_changed_data_is_told_by_manifest(recipe: dict[str, Any], broken: Path) -> None:
    manifest = Path(recipe["data"]["train"][0])
    manifest.write_text("".join(line + "\n" for line in manifest.read_text().splitlines()[:-1]))
    told = train_here(recipe, broken).notes
    assert any(f"{manifest}: 12 lines then, 11 now" in note for note in told), told


def test_folder_that_cannot_be_written_is_a_sentence(recipe: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TrainingError, match=r"Nothing can be written to .*file"):
        train_here(recipe, tmp_path / "file" / "run")


def test_run_says_what_it_is(recipe: dict[str, Any], broken: Path, tmp_path: Path) -> None:
    train_here(recipe, broken)
    facts = json.loads((broken / "run.json").read_text())
    assert facts["command"] and len(facts["resumed"]) == 1 and facts["resumed"][0]["command"]
    assert {"tympan", "torch", "lightning", "python", "machine", "data_sha256"} <= facts.keys()
    assert facts["manifests"][str(recipe["data"]["train"][0])]["lines"] == 12
    resolved = load_recipe(broken / "recipe.yaml")
    assert resolved.model.encoder["dim"] == 8 and resolved.features["name"] == "fbank80"
    again = {**yaml.safe_load((broken / "recipe.yaml").read_text()), "name": "again"}
    train_here(again, tmp_path / "again")
    one, other = (load_checkpoint(folder / "last.safetensors").facts for folder in (broken, tmp_path / "again"))
    assert one["history"] == other["history"], "the written recipe gives the same training"


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [(0, "0 s"), (44.7, "44 s"), (60, "1 min"), (7810, "2 h 10 min"), (7200, "2 h"), (86_400, "1 d"), (273_700, "3 d 4 h"), (-5, "0 s")],
)
def test_durations_are_spoken(seconds: float, spoken: str) -> None:
    assert duration(seconds) == spoken


def test_log_line_is_whole_or_not_there(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.log({"step": 1, "x": 2.0})
    with open(run.metrics, "a") as file:
        file.write('{"step": 2, "x"')  # a process that was killed
    run.trim_log(5, 1)
    run.log({"step": 3})
    assert [json.loads(line) for line in run.metrics.read_text().splitlines()] == [{"step": 1, "x": 2.0}, {"step": 3}]


def test_lines_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    rows: list[dict[str, Any]] = [{"step": step, "epoch": step // 20} for step in (10, 20, 30)]
    rows.insert(2, {"step": 20, "epoch": 0, "dev/wer": 1.0})
    rows.append({"step": 30, "epoch": 1, "dev/wer": 0.5})
    for row in rows:
        run.log(row)
    run.trim_log(30, 1)  # in the second epoch, after step 30: its validation is still to come
    assert [row["step"] for row in map(json.loads, run.metrics.read_text().splitlines())] == [10, 20, 20, 30]
    run.trim_log(20, 0)
    assert [row["step"] for row in map(json.loads, run.metrics.read_text().splitlines())] == [10, 20]
    run.trim_log(0, 0)
    assert run.metrics.read_text() == ""


def test_log_that_is_not_there_needs_no_trimming(tmp_path: Path) -> None:
    RunFolder(tmp_path).trim_log(5, 0)
    assert list(tmp_path.iterdir()) == []
