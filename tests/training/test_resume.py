"""Training on a corpus of noise: broken off anywhere, it ends where the unbroken one ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tympan.data import write_manifest
from tympan.errors import CheckpointError
from tympan.training.checkpoint import load_checkpoint, save_checkpoint
from tympan.training.loop import train
from tympan.training.recipe import Recipe, check_recipe
from tympan.training.run import Silence
from tympan.training.tasks.ctc import CTCTask

EPOCHS = 3
CLOCK = {"train/audio_seconds_per_second", "train/waiting_share", "train/memory_bytes"}  # what no two trainings share


class Killed(BaseException):
    """Ends a training as a kill would: nothing catches it."""


class Display(Silence):
    """Says nothing, and may end the training when something is told."""

    def __init__(self, on_validated: Callable[[int], None] = lambda epoch: None) -> None:
        self.on_validated = on_validated

    def validated(self, epoch: int, *_: object) -> None:
        self.on_validated(epoch)


@contextmanager
def progress(_: str, __: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A recipe of seven batches an epoch, with all that is random in a training."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(14):
        samples = 0.1 * rng.standard_normal(rng.integers(6000, 16_000))
        soundfile.write(folder / f"{number}.wav", samples, 16_000)
        rows.append({"audio_filepath": f"{number}.wav", "duration": len(samples) / 16_000, "text": "ab ba c"[: number % 7]})
    write_manifest(folder / "train.jsonl", rows[:12])
    write_manifest(folder / "dev.jsonl", rows[12:])
    encoder = {"name": "conformer", "dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1, "layer_drop": 0.3, "subsampling": 4}
    sections = {
        "name": "noise",
        "data": {
            "train": [folder / "train.jsonl"],
            "dev": [folder / "dev.jsonl"],
            "cache": folder / "cache",
            "max_batch_seconds": 2.0,
            "workers": 0,
        },
        "augment": {"speed": {"factors": [0.9, 1.0, 1.1]}, "nonspeech": {"share": 0.1}},
        "model": {"encoder": {**encoder, "taps": [1]}, "condition": True},
        "training": {"max_epochs": EPOCHS, "ema_decay": 0.9, "accumulate": 2, "checkpoint_minutes": 1e-9, "threads": 1},
    }
    return check_recipe(sections, "noise.yaml")


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the unbroken training."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert train(recipe, folder, progress, Display()) == folder / "best.safetensors"
    return folder


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The log without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def same(one: Path, other: Path) -> None:
    expected, found = load_checkpoint(one / "last.safetensors"), load_checkpoint(other / "last.safetensors")
    assert found.facts == expected.facts
    for part in ("model", "average", "optimizer", "objective"):
        before, after = getattr(expected, part), getattr(found, part)
        assert before.keys() == after.keys()
        assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert metrics(other) == metrics(one)


def test_unbroken_training_keeps_its_place_and_history(whole: Path, recipe: Recipe) -> None:
    facts = load_checkpoint(whole / "last.safetensors").facts
    assert (facts["epoch"], facts["batch"]) == (EPOCHS, 0)
    assert [row["epoch"] for row in facts["history"]] == [1, 2, 3]
    assert facts["step"] == facts["average_steps"]
    best = load_checkpoint(whole / "best.safetensors").facts["history"]
    assert (best[-1]["wer"], best[-1]["cer"]) == min((row["wer"], row["cer"]) for row in facts["history"])


def breaks(monkeypatch: pytest.MonkeyPatch, place: str) -> Display:
    """Make the training end at a place; the display to give it."""
    original_step, original_validate = CTCTask.training_step, CTCTask.validate
    counts = {"step": 0, "validation": 0}

    def step(self: CTCTask, *arguments: Any) -> Any:
        counts["step"] += 1
        if place == f"step {counts['step']}":
            raise Killed
        return original_step(self, *arguments)

    def validate(self: CTCTask, *arguments: Any, **options: Any) -> Any:
        counts["validation"] += 1
        if place == f"validation {counts['validation']}":
            raise Killed
        return original_validate(self, *arguments, **options)

    def validated(epoch: int) -> None:
        if place == f"end of epoch {epoch}":
            raise Killed

    monkeypatch.setattr(CTCTask, "training_step", step)
    monkeypatch.setattr(CTCTask, "validate", validate)
    return Display(validated)


@pytest.mark.parametrize("place", ["step 1", "step 4", "step 12", "validation 1", "validation 3", "end of epoch 1"])
def test_broken_training_ends_where_the_unbroken_one_ends(
    whole: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Killed):
        train(recipe, tmp_path, progress, breaks(patched, place))
    train(recipe, tmp_path, progress, Display(), resume=True)
    same(whole, tmp_path)


REMEMBERING = [  # what is kept beside AdamW's moments and the step
    {"schedule": "plateau", "plateau_patience": 1, "optimizer": "novograd", "objective": {"kind": "ctc-priors", "decay": 0.9}},
    {"schedule": "noam", "objective": {"kind": "ctc-crf", "order": 2, "max_ngrams": 20}},
]


@pytest.mark.parametrize("options", REMEMBERING)
def test_all_that_a_training_remembers_is_resumed(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    sections = recipe.model_dump()
    changed = check_recipe({**sections, "training": {**sections["training"], **options}}, "noise.yaml")
    train(changed, tmp_path / "whole", progress, Display())
    with monkeypatch.context() as patched, pytest.raises(Killed):
        train(changed, tmp_path / "broken", progress, breaks(patched, "step 12"))
    train(changed, tmp_path / "broken", progress, Display(), resume=True)
    same(tmp_path / "whole", tmp_path / "broken")


def test_run_from_before_a_key_existed_is_resumed(whole: Path, recipe: Recipe, tmp_path: Path) -> None:
    found = load_checkpoint(whole / "last.safetensors")
    training = {key: value for key, value in found.facts["recipe"]["training"].items() if key not in ("objective", "optimizer")}
    found.facts["recipe"] = {**found.facts["recipe"], "training": training}
    save_checkpoint(tmp_path / "last.safetensors", found)
    train(recipe, tmp_path, progress, Display(), resume=True)
    changed = check_recipe({**recipe.model_dump(), "training": {**training, "optimizer": "novograd"}}, "noise.yaml")
    with pytest.raises(CheckpointError, match=r"training\.optimizer was 'adamw', is 'novograd'"):
        train(changed, tmp_path, progress, Display(), resume=True)


def test_finished_training_resumed_does_nothing(whole: Path, recipe: Recipe) -> None:
    before = (whole / "last.safetensors").read_bytes()
    train(recipe, whole, progress, Display(), resume=True)
    assert (whole / "last.safetensors").read_bytes() == before


def test_run_is_not_begun_anew_over_an_old_one(whole: Path, recipe: Recipe) -> None:
    with pytest.raises(CheckpointError, match="--resume"):
        train(recipe, whole, progress, Display())
