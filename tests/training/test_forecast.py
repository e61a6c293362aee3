"""What a training will take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tympan.data import write_manifest
from tympan.training.forecast import forecast, spoken
from tympan.training.recipe import Recipe, check_recipe


def recipe_of(folder: Path, **training: Any) -> Recipe:
    rows = [{"audio_filepath": f"{n}.wav", "duration": 1.0, "text": "ab", "id": str(n), "speaker": str(n)} for n in range(10)]
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "dev.jsonl", rows[:2])
    data = {"train": [folder / "train.jsonl"], "dev": [folder / "dev.jsonl"], "max_batch_seconds": 2.0}
    encoder = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4}
    training = {"max_epochs": 3, "threads": 1, **training}
    return check_recipe(
        {"name": "noise", "data": data, "model": {"encoder": encoder, "head": {"unfold": 2}}, "training": training}, "noise"
    )


def test_steps_and_shapes_are_those_of_the_plan(tmp_path: Path) -> None:
    found = forecast(recipe_of(tmp_path))
    assert (found.steps, found.epochs, found.hours) == (5, 3, pytest.approx(10 / 3600))
    assert found.features == (2, 128, 80) and found.log_probs == (2, 64, 3)  # 98 frames, padded to 128
    assert found.step_s > 0 and found.memory_mb > 0 and found.total_s == pytest.approx(15 * found.step_s)
    assert any("D302" in finding for finding in found.findings)  # the same speakers in both sets


def test_two_views_double_the_batches_and_accumulation_joins_them(tmp_path: Path) -> None:
    assert forecast(recipe_of(tmp_path, consistency=0.2)).steps == 10
    assert forecast(recipe_of(tmp_path, accumulate=4)).steps == 2


def test_larger_batches_keep_more(tmp_path: Path) -> None:
    small = recipe_of(tmp_path)
    large = small.model_copy(update={"data": small.data.model_copy(update={"max_batch_seconds": 10.0})})
    assert forecast(large).memory_mb > forecast(small).memory_mb


@pytest.mark.parametrize(("seconds", "said"), [(12.4, "12 s"), (600, "10 min"), (7200, "2.0 h")])
def test_lengths_of_time_are_said_as_people_do(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
