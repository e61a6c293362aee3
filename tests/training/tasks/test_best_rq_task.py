"""Pre-training: its loss, its validations, and that it learns what can be learnt of recordings without text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional as F

from noise_corpus import RATE, assert_same_training, sections, train_here
from tympan.data import write_manifest
from tympan.data.torch_batches import Batch
from tympan.errors import RecipeError, TrainingError
from tympan.models.families import build_model
from tympan.tokens import TokenTable
from tympan.training.checkpoint import load_checkpoint
from tympan.training.recipe import MaskingRecipe, TrainingRecipe
from tympan.training.tasks import BestRQTask, make_task
from tympan.training.validation import Heard

ENCODER: dict[str, Any] = {"name": "conformer", "dim": 16, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4, "dropout": 0.0}
MODEL: dict[str, Any] = {"family": "best-rq", "encoder": ENCODER, "quantizer": {"codes": 16, "dim": 4, "codebooks": 2}}


def a_task() -> BestRQTask:
    torch.manual_seed(0)
    recipe = TrainingRecipe(masking=MaskingRecipe(probability=0.05, frames=8))
    task = make_task(build_model(MODEL, 8, 2), TokenTable(("<blank>", " ")), recipe, 10)
    assert isinstance(task, BestRQTask)
    return task


def a_batch() -> Batch:
    features = torch.randn(3, 64, 8, generator=torch.Generator().manual_seed(1))
    lengths, none = torch.tensor([64, 40, 52]), torch.zeros(0, dtype=torch.int64)
    return Batch(features, lengths, none, torch.zeros(3, dtype=torch.int64), [""] * 3, ["x", "y", "z"], 1.5)


def test_loss_is_the_cross_entropy_of_hidden_frames_over_all_frames() -> None:
    task, batch = a_task(), a_batch()
    with torch.no_grad():
        torch.manual_seed(5)
        loss = task.loss(batch)
        torch.manual_seed(5)
        guesses = task.guess(batch)
    total = sum(
        float(F.cross_entropy(guesses.logits[place, book], guesses.codes[place, book]))
        for place in range(len(guesses.codes))
        for book in range(2)
    )
    assert loss.item() == pytest.approx(total / 2 / task.divisor(batch), rel=1e-4)


def test_validation_hides_the_same_each_time_and_counts_wrong_codes() -> None:
    task, batch = a_task(), a_batch()
    rows = []
    for seed in range(2):
        torch.manual_seed(seed)
        found = Heard()
        with torch.no_grad():
            task.model.eval()
            task.hear(batch, found)
        rows.append(found.validation(3, task.measure))
    assert rows[0] == rows[1] and rows[0].measure == "wrong codes"
    assert 0.5 < rows[0].wer <= 1 and rows[0].loss == pytest.approx(np.log(16), rel=0.3)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise that swells and fades like waves: what is hidden follows from what is around it."""
    folder = tmp_path_factory.mktemp("waves")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(24):
        times = np.arange(int(1.2 * RATE)) / RATE
        sound = 0.01 * rng.standard_normal(len(times)) * 10 ** np.sin(2 * np.pi * (times / 0.4 + rng.uniform()))
        soundfile.write(folder / f"{number}.wav", sound, RATE)
        rows.append({"audio_filepath": f"{number}.wav", "duration": 1.2})
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "dev.jsonl", rows[:8])
    return folder


def recipe(recordings: Path, **changes: Any) -> dict[str, Any]:
    training = {"max_epochs": 2, "accumulate": 1, "ema_decay": 0.0, "checkpoint_minutes": 100.0}
    data = {"max_batch_seconds": 6.0}
    return {
        **sections(recordings, **{"training": training, "data": data, **changes}),
        "model": MODEL,
        "augment": changes.get("augment", {}),
    }


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_it_learns_from_recordings_without_text(recordings: Path, tmp_path: Path, seed: int) -> None:
    training = {"max_epochs": 40, "accumulate": 1, "ema_decay": 0.0, "learning_rate": 4e-3, "checkpoint_minutes": 100.0}
    changed = {**recipe(recordings, training=training), "seed": seed}
    train_here(changed, tmp_path / "run")
    history = load_checkpoint(tmp_path / "run" / "last.safetensors").facts["history"]
    assert history[-1]["loss"] < 0.75 * history[0]["loss"]
    assert history[-1]["wer"] < history[0]["wer"] - 0.1


def test_it_goes_on_to_the_same_weights(recordings: Path, tmp_path: Path) -> None:
    whole = {"max_epochs": 2, "accumulate": 1, "ema_decay": 0.9, "checkpoint_minutes": 1e-9}
    train_here(recipe(recordings, training=whole), tmp_path / "whole")

    def stop() -> None:
        raise TrainingError("broken off")

    with pytest.raises(TrainingError, match="broken off"):
        train_here(recipe(recordings, training=whole), tmp_path / "broken", {0: stop})
    train_here(recipe(recordings, training=whole), tmp_path / "broken", resume=True)
    assert_same_training(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augment": {"spec": {"time_masks": 2}}}, "augment.spec hides in a pre-training what is to be predicted"),
        ({"tokens": {"characters": "ab"}}, "A pre-training hears no text"),
        ({"training": {"consistency": 0.2}}, "are for models with a CTC head"),
    ],
)
def test_what_has_no_place_in_a_pretraining_is_refused(recordings: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message.replace(".", r"\.")):
        train_here(recipe(recordings, **changes), tmp_path / "run")


def test_log_tells_the_share_of_wrong_codes(recordings: Path, tmp_path: Path) -> None:
    train_here(recipe(recordings), tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(0 <= row["dev/wer"] <= 1 for row in rows if "dev/wer" in row)
