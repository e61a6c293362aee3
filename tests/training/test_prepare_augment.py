"""From the recipe's section to what the training data does."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sounds import RATE, white
from tympan.data.augment import Augmenter, AugmentRecipe
from tympan.data.manifest import write_manifest
from tympan.errors import ManifestError
from tympan.training.prepare import prepare
from tympan.training.recipe import Recipe, check_recipe, load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@contextmanager
def no_progress(what: str, total: int) -> Any:
    yield lambda done: None


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    for name, count in (("train", 3), ("noise", 2), ("rooms", 1)):
        rows = []
        for number in range(count):
            soundfile.write(tmp_path / f"{name}{number}.wav", white(6000 + 500 * number, seed=number), RATE)
            rows.append({"audio_filepath": f"{name}{number}.wav", "duration": 0.4, "text": "ab", "id": f"{name}{number}"})
        write_manifest(tmp_path / f"{name}.jsonl", rows)
    sections = {
        "name": "tiny",
        "data": {"train": [tmp_path / "train.jsonl"], "dev": [tmp_path / "train.jsonl"], "cache": tmp_path / "cache"},
        "augment": {
            "noise": {"manifest": tmp_path / "noise.jsonl", "probability": 1.0},
            "rooms": {"manifest": tmp_path / "rooms.jsonl", "probability": 1.0},
            "babble": {"probability": 1.0},
            "nonspeech": {"share": 0.5},
        },
        "model": {"encoder": {"name": "conformer", "dim": 16, "layers": 1, "heads": 2}},
    }
    return check_recipe(sections, "tiny.yaml")


def test_the_training_data_draws_from_the_manifests_and_dev_data_is_left_alone(recipe: Recipe) -> None:
    prepared = prepare(recipe, no_progress)
    one = prepared.train.augmentation
    lengths = {name: [held.length(index) for index in range(len(held))] for name, held in one.recordings.items()}
    assert lengths == {"noise": [6000, 6500], "rooms": [6000], "babble": [6000, 6500, 7000]}
    drawn: list[str] = []
    one.change_samples(prepared.train.cache.samples(0), np.random.default_rng(0), drawn)
    assert drawn[0] == "room 0" and drawn[1].startswith("babble of 2, ") and drawn[2].startswith("noise ")
    assert sum(len(batch) for batch in prepared.train.plan(0)) == 3 + 2, "half as many again without speech"
    assert prepared.dev.augmentation == Augmenter()


def test_a_missing_manifest_of_rooms_is_told_before_the_recordings_are_decoded(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "rooms.jsonl").unlink()
    with pytest.raises(ManifestError, match=r"no manifest .*rooms\.jsonl"):
        prepare(recipe, no_progress)
    assert not (tmp_path / "cache").exists()


def test_the_english_recipes_mean_what_the_bundled_model_was_trained_with() -> None:
    expected = {
        "speed": {"probability": 1.0, "factors": [0.9, 0.95, 1.0, 1.05, 1.1]},
        "noise": {"manifest": "../shared/speech/noise.jsonl", "probability": 0.15, "snr_db": [5, 25]},
        "rooms": {"manifest": "../shared/speech/rooms.jsonl", "probability": 0.15},
        "nonspeech": {"share": 0.01},
        "spec": {"probability": 1.0, "frequency_masks": 2, "frequency_width": 20, "time_masks": 6, "time_share": 0.05},
    }
    for name in ("english-small", "english-phones"):
        assert load_recipe(RECIPES / f"{name}.yaml").augment == AugmentRecipe.model_validate(expected)
    assert load_recipe(RECIPES / "librispeech-crnn-deep.yaml").augment == AugmentRecipe()
    assert load_recipe(RECIPES / "ljspeech-deepspeech2.yaml").augment == AugmentRecipe(spec=None)
