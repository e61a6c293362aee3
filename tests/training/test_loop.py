"""What a resumed training may change, and what its log keeps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tympan import features
from tympan.errors import CheckpointError
from tympan.training.checkpoint import Checkpoint
from tympan.training.loop import tell
from tympan.training.objectives import CTC
from tympan.training.recipe import Recipe, check_recipe
from tympan.training.resuming import check_same, flatten

BASE: dict[str, Any] = {
    "name": "small",
    "data": {"train": ["a.jsonl"], "dev": ["b.jsonl"]},
    "model": {"encoder": {"name": "conformer", "dim": 64}},
}


def recipe(**sections: dict[str, Any]) -> Recipe:
    return check_recipe({**BASE, **{name: {**BASE.get(name, {}), **section} for name, section in sections.items()}}, "small.yaml")


def checkpoint_of(of: Recipe) -> Checkpoint:
    facts = {"recipe": json.loads(json.dumps(of.model_dump(mode="json")))}
    return Checkpoint({}, {}, {}, torch.get_rng_state(), facts)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": {"workers": 3, "cache": "elsewhere"}},
        {"training": {"threads": 2, "checkpoint_minutes": 1.0, "max_epochs": 99}},
    ],
    ids=str,
)
def test_what_makes_no_other_training_may_change(changes: dict[str, Any]) -> None:
    check_same(recipe(**changes), checkpoint_of(recipe()), Path("run"))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"training": {"learning_rate": 0.5}}, "training.learning_rate was 0.0005, is 0.5"),
        ({"data": {"train": ["a.jsonl", "c.jsonl"]}}, "data.train was ['a.jsonl'], is ['a.jsonl', 'c.jsonl']"),
        ({"model": {"encoder": {"name": "conformer", "dim": 32}}}, "model.encoder.dim was 64, is 32"),
        ({"model": {"encoder": {"name": "conformer", "dim": 64, "layers": 2}}}, "model.encoder.layers was None, is 2"),
        ({"augment": {"spec": None}}, "augment.spec"),
        ({"augment": {"noise": {"manifest": "n.jsonl"}}}, "augment.noise.manifest was None, is 'n.jsonl'"),
    ],
)
def test_what_makes_another_training_is_refused_and_named(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(CheckpointError) as error:
        check_same(recipe(**changes), checkpoint_of(recipe()), Path("run"))
    assert part in str(error.value) and "run" in str(error.value)


def test_flatten_joins_keys_by_dots() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {"a.b.c": 1, "a.d": [2], "e": None}


@pytest.mark.parametrize(
    ("name", "notes"), [("mel128", ["4 of the 128 bands of mel128 are always zero; fbank80 has none of these"]), ("fbank80", [])]
)
def test_front_end_with_empty_filters_is_told_at_the_start(name: str, notes: list[str]) -> None:
    told: list[str] = []
    prepared: Any = SimpleNamespace(left_out={}, findings=[], train=SimpleNamespace(extractor=features.from_config({"name": name})))
    prepared.objective = CTC()
    run: Any = SimpleNamespace(display=SimpleNamespace(note=told.append))
    tell(run, prepared, None)
    assert told == notes
