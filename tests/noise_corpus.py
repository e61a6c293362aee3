"""A corpus of noise and a network of a few hundred weights: trainings that take a second and mean nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tympan.data import write_manifest
from tympan.training.checkpoint import load_checkpoint
from tympan.training.loop import train
from tympan.training.recipe import check_recipe
from tympan.training.run import Report, Silence

RATE = 16_000
CLOCK = {"train/audio_seconds_per_second", "train/waiting_share", "train/memory_bytes"}  # what no two trainings share


def make_corpus(folder: Path, train: int = 12, dev: int = 2, samples: tuple[int, int] = (6000, 16_000), letters: int = 7) -> Path:
    """train.jsonl and dev.jsonl with their recordings; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(train + dev):
        sound = 0.1 * rng.standard_normal(rng.integers(*samples))
        soundfile.write(folder / f"{number}.wav", sound, RATE)
        rows.append({"audio_filepath": f"{number}.wav", "duration": len(sound) / RATE, "text": "ab ba c"[: number % letters]})
    write_manifest(folder / "train.jsonl", rows[:train])
    write_manifest(folder / "dev.jsonl", rows[train:])
    return folder


def sections(corpus: Path, **changes: Any) -> dict[str, Any]:
    """A recipe with all that is random in a training, a checkpoint after each step; `changes` by section."""
    encoder = {"name": "conformer", "dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1, "layer_drop": 0.3, "subsampling": 4}
    recipe: dict[str, Any] = {
        "name": "noise",
        "data": {
            "train": [corpus / "train.jsonl"],
            "dev": [corpus / "dev.jsonl"],
            "cache": corpus / "cache",
            "max_batch_seconds": 2.0,
            "workers": 0,
        },
        "augment": {"speed": {"factors": [0.9, 1.0, 1.1]}},
        "model": {"encoder": {**encoder, "taps": [1]}, "condition": True},
        "training": {"max_epochs": 3, "ema_decay": 0.9, "accumulate": 2, "checkpoint_minutes": 1e-9, "threads": 1},
        "loggers": [],
    }
    for name, change in changes.items():
        recipe[name] = {**recipe.get(name, {}), **change} if isinstance(change, dict) else change
    return recipe


def still(**more: Any) -> dict[str, Any]:
    """An encoder without anything random, for `sections(model=...)`."""
    encoder = {"name": "conformer", "dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1, "dropout": 0.0, "subsampling": 4}
    return {"encoder": {**encoder, **more}, "condition": False}


def metrics(run: Path) -> list[dict[str, Any]]:
    """The log without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def assert_same_training(one: Path, other: Path) -> None:
    """Both runs ended at the same place with the same weights, states and log, to the bit."""
    import torch

    expected, found = load_checkpoint(one / "last.safetensors"), load_checkpoint(other / "last.safetensors")
    assert found.facts == expected.facts
    for part in ("model", "average", "optimizer", "more_random"):
        before, after = getattr(expected, part), getattr(found, part)
        assert before.keys() == after.keys()
        assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert torch.equal(found.random, expected.random)
    assert metrics(other) == metrics(one)


class Listener(Silence):
    """Keeps what it is told; `after` an epoch (from 0) it does something."""

    def __init__(self, after: dict[int, Callable[[], object]] | None = None) -> None:
        self.notes: list[str] = []
        self.reports: list[Report] = []
        self.after = after or {}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, report: Report) -> None:
        self.reports.append(report)

    def validated(self, epoch: int, *_: object) -> None:
        self.after.get(epoch, lambda: None)()


@contextmanager
def no_progress(_: str, __: int) -> Iterator[Callable[[int], None]]:
    """A bar that nobody sees."""
    yield lambda done: None


def train_here(recipe: dict[str, Any], run: Path, after: dict[int, Callable[[], object]] | None = None, **options: Any) -> Listener:
    """Train in this process; what was told."""
    listener = Listener(after)
    train(check_recipe(recipe, "test.yaml"), run, no_progress, listener, **options)
    return listener
