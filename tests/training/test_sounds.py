"""The recipe's choice of what is kept: it changes no batch, tells its room first, and refuses what cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from sounds import RATE, white
from tympan.data import write_manifest
from tympan.data.augment import Files
from tympan.data.cache import AudioCache, FeatureCache, UncachedAudio
from tympan.errors import ManifestError, RecipeError
from tympan.training.forecast import forecast
from tympan.training.prepare import prepare
from tympan.training.recipe import Recipe, check_recipe

KINDS = {"waveform": AudioCache, "features": FeatureCache, "none": UncachedAudio}


@pytest.fixture
def sections(tmp_path: Path) -> dict[str, Any]:
    rows = []
    for number in range(6):
        soundfile.write(tmp_path / f"{number}.wav", white(8000 + 900 * number, seed=number), RATE)
        rows.append({"audio_filepath": f"{number}.wav", "duration": 1.0, "text": "ab", "id": f"u{number}"})
    write_manifest(tmp_path / "train.jsonl", rows)
    return {
        "name": "tiny",
        "data": {"train": [tmp_path / "train.jsonl"], "dev": [tmp_path / "train.jsonl"], "cache": tmp_path / "cache", "workers": 0},
        "model": {"encoder": {"name": "conformer", "dim": 16, "layers": 1, "heads": 2}},
    }


def recipe_of(sections: dict[str, Any], kind: str, **more: Any) -> Recipe:
    return check_recipe({**sections, **more, "data": {**sections["data"], "cache_kind": kind}}, "tiny.yaml")


@contextmanager
def progress(_: str, __: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def test_every_kind_gives_the_same_batches(sections: dict[str, Any]) -> None:
    found = {}
    for kind, expected in KINDS.items():
        data = prepare(recipe_of(sections, kind), progress).train
        assert isinstance(data.cache, expected)
        found[kind] = list(data)
    for kind in ("features", "none"):
        for one, other in zip(found["waveform"], found[kind], strict=True):
            assert one.ids == other.ids and torch.equal(one.features, other.features)


def test_room_is_told_with_the_progress_and_nothing_where_all_is_there(sections: dict[str, Any]) -> None:
    told: list[str] = []

    @contextmanager
    def listen(what: str, total: int) -> Iterator[Callable[[int], None]]:
        told.append(what)
        yield lambda done: None

    prepare(recipe_of(sections, "features"), listen)
    assert told == ["decoding the train audio, 0 MB", "decoding the dev audio"]  # 6 s of 32 kB, and dev is the same
    told.clear()
    prepare(recipe_of(sections, "none"), listen)
    assert told == ["measuring the train audio", "measuring the dev audio"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [("waveform", "waveform in {}, about 0 MB more"), ("none", "none, each recording is decoded in every epoch")],
)
def test_dry_run_tells_the_room(sections: dict[str, Any], kind: str, said: str) -> None:
    recipe = recipe_of(sections, kind, training={"threads": 1})
    assert forecast(recipe).to_dict()["cache"] == said.format(recipe.data.cache)
    assert not recipe.data.cache.exists()
    if kind == "waveform":
        prepare(recipe, progress)
        assert forecast(recipe).to_dict()["cache"] == f"waveform in {recipe.data.cache}, which is there"


@pytest.mark.parametrize("member", ["speed", "noise", "volume", "telephone"])
def test_features_and_changed_sounds_are_refused_together(sections: dict[str, Any], member: str) -> None:
    with pytest.raises(RecipeError, match=rf"features keeps no sounds that augment could change \({member}\): take waveform"):
        recipe_of(sections, "features", augment={member: {}})
    recipe_of(sections, "waveform", augment={member: {}})
    recipe_of(sections, "features", augment={"nonspeech": {"share": 0.1}, "spec": {"time_masks": 2}})


def test_without_a_cache_noise_and_talkers_are_read_when_they_are_drawn(sections: dict[str, Any], tmp_path: Path) -> None:
    noise = {"noise": {"manifest": tmp_path / "train.jsonl"}, "babble": {}}
    data = prepare(recipe_of(sections, "none", augment=noise), progress).train
    assert all(isinstance(recordings, Files) and len(recordings) == 6 for recordings in data.augmentation.recordings.values())
    assert len(list(data))
    assert not list((tmp_path / "cache").rglob("*.pcm"))


def test_unreadable_recordings_stop_every_kind_alike(sections: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "3.wav").write_bytes(b"not audio")
    for kind in KINDS:
        with pytest.raises(ManifestError, match=r"1 of 6 recordings cannot be read: .*3\.wav is not audio"):
            prepare(recipe_of(sections, kind), progress)
