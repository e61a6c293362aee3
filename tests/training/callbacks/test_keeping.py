"""Checkpoints of the best epochs, their average, and the end of a training that gets no better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from noise_corpus import make_corpus, sections, train_here
from tympan.training.callbacks import mean_weights
from tympan.training.checkpoint import load_checkpoint
from tympan.training.place import Place, ranked, why_over
from tympan.training.recipe import TrainingRecipe
from tympan.training.tasks.ctc import CTCTask
from tympan.training.validation import Validation

WERS = [0.9, 0.5, 0.7, 0.6, 0.8, 0.5]  # what the epochs are made to reach; of equals the later is the better


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    return sections(make_corpus(tmp_path / "corpus"), training={"max_epochs": len(WERS), "keep_best": 3})


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The WER that each validation in turn is made to find."""
    wers = [*WERS, 0.4]
    left = iter(wers)

    def validate(self: CTCTask, *_: Any, **__: Any) -> Validation:
        return Validation(next(left), 0.5, 1.0, 0.0, [])

    monkeypatch.setattr(CTCTask, "validate", validate)
    return wers


def test_best_epochs_are_kept_and_the_others_removed(recipe: dict[str, Any], reached: list[float], tmp_path: Path) -> None:
    train_here(recipe, tmp_path / "run")
    kept = sorted(path.stem for path in (tmp_path / "run").glob("epoch-*"))
    assert kept == ["epoch-0002", "epoch-0004", "epoch-0006"]
    for path in (tmp_path / "run").glob("epoch-*"):
        assert load_checkpoint(path).facts["history"][-1]["epoch"] == int(path.stem[-4:])
    best = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert best.facts["history"][-1] == {"epoch": 6, "wer": 0.5, "cer": 0.5, "loss": 1.0, "blank_share": 0.0}


def test_average_of_the_best_is_their_mean_and_is_taken_if_it_is_no_worse(
    recipe: dict[str, Any], reached: list[float], tmp_path: Path
) -> None:
    told = train_here(recipe, tmp_path / "run").notes
    assert "average of the 3 best epochs: WER 40.00%; the best alone: 50.00%" in told
    average = load_checkpoint(tmp_path / "run" / "average.safetensors")
    parts = [load_checkpoint(tmp_path / "run" / f"epoch-{number:04d}.safetensors").weights for number in (2, 4, 6)]
    for name, tensor in average.model.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, torch.stack([part[name] for part in parts]).mean(0))
    assert average.facts["history"][-1]["averaged"] == 3 and average.facts["history"][-1]["wer"] == 0.4


@pytest.mark.parametrize(("wer", "name"), [(0.4, "average"), (0.5, "average"), (0.6, "best")])
def test_training_ends_with_the_better_of_average_and_best(
    recipe: dict[str, Any], reached: list[float], tmp_path: Path, wer: float, name: str
) -> None:
    from noise_corpus import no_progress
    from tympan.training.loop import train
    from tympan.training.recipe import check_recipe
    from tympan.training.run import Silence

    reached[-1] = wer
    assert train(check_recipe(recipe, "test.yaml"), tmp_path / "run", no_progress, Silence()).stem == name


def test_training_that_gets_no_better_ends_early(recipe: dict[str, Any], reached: list[float], tmp_path: Path) -> None:
    patient = {**recipe, "training": {**recipe["training"], "patience": 2, "keep_best": 1}}
    train_here(patient, tmp_path / "run")
    facts = load_checkpoint(tmp_path / "run" / "last.safetensors").facts
    assert [row["wer"] for row in facts["history"]] == WERS[:4]
    assert not list((tmp_path / "run").glob("epoch-*"))


def test_counters_are_not_averaged() -> None:
    weights = [{"w": torch.tensor([1.0, 2.0]), "count": torch.tensor(3)}, {"w": torch.tensor([3.0, 2.0]), "count": torch.tensor(9)}]
    found = mean_weights(iter(weights))
    assert found["w"].tolist() == [2.0, 2.0] and found["count"].item() == 3 and found["w"].dtype == torch.float32


def test_place_counts_epochs_without_gain() -> None:
    place = Place(history=[{"epoch": number + 1, "wer": wer, "cer": 0.1} for number, wer in enumerate(WERS)])
    assert place.epochs_without_gain() == 4 and [row["epoch"] for row in ranked(place.history)[:3]] == [6, 2, 4]
    assert Place().epochs_without_gain() == 0
    rows = [{"epoch": number + 1, "wer": wer, "cer": 0.1, "loss": 1 / (number + 1)} for number, wer in enumerate(WERS)]
    assert Place(history=rows).epochs_without_gain("loss") == 0 and [row["epoch"] for row in ranked(rows, "loss")[:2]] == [6, 5]
    place.epoch = 6
    assert "not fallen for 3" in why_over(place, TrainingRecipe(max_epochs=9, patience=3))
    assert why_over(place, TrainingRecipe(max_epochs=9, patience=5)) == ""
    assert why_over(place, TrainingRecipe(max_epochs=6)) == "all 6 epochs are done"
