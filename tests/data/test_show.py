from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sounds import RATE, white
from tympan.data import Utterance, read_manifest
from tympan.data.augment import Augmenter, AugmentRecipe
from tympan.data.show import LONGEST_S, find, open_augmenter, show
from tympan.errors import ManifestError
from tympan.features import Fbank80, Normalization


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    lines = []
    for name, seconds in (("a", 1.0), ("b", 0.5), ("c", 0.7)):
        soundfile.write(tmp_path / f"{name}.wav", white(round(seconds * RATE), seed=ord(name)), RATE)
        lines.append(json.dumps({"audio_filepath": f"{name}.wav", "duration": seconds, "text": f"says {name}", "id": name}))
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    return read_manifest(tmp_path / "m.jsonl")


def recipe(folder: Path) -> AugmentRecipe:
    noise = {"manifest": folder / "m.jsonl", "probability": 1.0, "snr_db": [10, 10]}
    return AugmentRecipe.model_validate({"speed": {"factors": [0.9, 1.1]}, "noise": noise, "babble": {"probability": 0.5}})


def test_each_version_is_what_a_training_hears_in_that_epoch(utterances: list[Utterance], tmp_path: Path) -> None:
    augmenter, extractor, normalization = open_augmenter(recipe(tmp_path), RATE, utterances), Fbank80(), Normalization("utterance")
    sheet = show(utterances[1], 1, augmenter, extractor, normalization, seed=7, count=3)
    assert (sheet.title, sheet.text, len(sheet.panels)) == ("b", "says b", 4)
    before = sheet.panels[0]
    assert before.title == "as recorded" and before.duration_s == 0.5
    assert np.array_equal(before.features, normalization(extractor(before.samples)))
    for epoch, panel in enumerate(sheet.panels[1:]):
        rng = np.random.default_rng([7, epoch, 1])
        drawn: list[str] = []
        samples = augmenter.change_samples(before.samples, rng, drawn)
        assert np.array_equal(panel.samples, samples)
        assert np.array_equal(panel.features, augmenter.change_features(normalization(extractor(samples)), rng, drawn))
        assert panel.title == ", ".join(drawn) and "noise 10 dB" in panel.title and "speed" in panel.title


def test_without_a_recipe_it_is_as_recorded(utterances: list[Utterance]) -> None:
    for count, titles in ((0, ["as recorded"]), (2, ["as recorded", "unchanged", "unchanged"])):
        sheet = show(utterances[0], 0, Augmenter(), Fbank80(), Normalization("utterance"), seed=0, count=count)
        assert [panel.title for panel in sheet.panels] == titles


def test_a_long_recording_is_shown_from_its_beginning(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(round((LONGEST_S + 5) * 8000), np.int16), 8000)
    long = Utterance("long", tmp_path / "long.wav", LONGEST_S + 5, "")
    sheet = show(long, 0, Augmenter(), Fbank80(), Normalization("utterance"), seed=0, count=0)
    assert sheet.panels[0].duration_s == LONGEST_S


def test_utterances_are_found_by_their_ids(utterances: list[Utterance]) -> None:
    assert find(utterances, ["c", "a"], Path("m.jsonl")) == [2, 0]
    assert find(utterances, [], Path("m.jsonl")) == [0]
    with pytest.raises(ManifestError, match=r"m\.jsonl has no utterance 'x'.*'a'"):
        find(utterances, ["a", "x"], Path("m.jsonl"))
