"""A recipe that goes on from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tympan.data import write_manifest
from tympan.errors import BundleError, CheckpointError, RecipeError, TokenError
from tympan.lexicon import PHONES, Pronunciations
from tympan.tokens import TokenTable
from tympan.training.choosing import Choice
from tympan.training.continuing import Start, choose_continuation, open_start
from tympan.training.prepare import token_table
from tympan.training.recipe import check_recipe

LETTERS = TokenTable(("<blank>", " ", "a", "b"))
ENCODER = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4}


def start(tokens: TokenTable) -> Start:
    model = {"encoder": ENCODER, "head": {"unfold": 2}, "condition": False}
    return Start(Path("old.safetensors"), "old", "en", model, {"name": "fbank80"}, {"mode": "utterance"}, tokens, None)


def continued(folder: Path, tokens: TokenTable, texts: list[str], seconds: float = 2.0, **options: Any) -> Choice:
    rows = [{"audio_filepath": f"{n}.wav", "duration": seconds, "text": text, "id": str(n)} for n, text in enumerate(texts)]
    write_manifest(folder / "data.jsonl", rows)
    return choose_continuation(start(tokens), [folder / "data.jsonl"], [folder / "data.jsonl"], folder, **options)


def test_network_front_end_and_tokens_are_the_models(tmp_path: Path) -> None:
    recipe = check_recipe(continued(tmp_path, LETTERS, ["ab", "b a"]).recipe, "chosen.yaml")
    assert recipe.model.encoder == ENCODER and recipe.model.head == {"unfold": 2}
    assert recipe.features == {"name": "fbank80"} and recipe.training.initial == Path("old.safetensors")
    assert token_table(recipe, []).tokens == LETTERS.tokens


def test_characters_that_the_model_lacks_come_behind_its_own(tmp_path: Path) -> None:
    choice = continued(tmp_path, LETTERS, ["ab", "böa ca"])
    assert token_table(check_recipe(choice.recipe, "c"), []).tokens == (*LETTERS.tokens, "c", "ö")
    assert any("'c' 'ö'" in reason for reason in choice.reasons)


def test_words_alone_lose_their_level_and_stay_alone(tmp_path: Path) -> None:
    for number in range(5):
        soundfile.write(tmp_path / f"{number}.wav", np.random.default_rng(number).uniform(-0.1, 0.1, 8000), 16_000)
    recipe = continued(tmp_path, LETTERS, ["a"] * 5, seconds=0.5).recipe
    assert recipe["normalization"]["mode"] == "level" and len(recipe["normalization"]["mean"]) == 80
    assert recipe["training"]["freeze"] == [] and "joined" not in recipe["augment"]


def test_little_data_freezes_the_first_layers_and_more_does_not(tmp_path: Path) -> None:
    assert continued(tmp_path, LETTERS, ["a"]).recipe["training"]["freeze"] == ["encoder.subsampling"]
    assert continued(tmp_path, LETTERS, ["a"], seconds=7200.0).recipe["training"]["freeze"] == []
    assert continued(tmp_path, LETTERS, ["a"], freeze=["head"]).recipe["training"]["freeze"] == ["head"]


def test_phones_are_those_of_a_dictionary_or_of_rules(tmp_path: Path) -> None:
    phones = TokenTable(("<blank>", *PHONES), "phones")
    choice = continued(tmp_path, phones, ["tabla", "cabs"])
    lines = Pronunciations.read(choice.recipe["tokens"]["dictionary"])
    assert set(lines.entries) == {"tabla", "cabs"} and any("pronounced by rules" in reason for reason in choice.reasons)
    own = tmp_path / "own.dict"
    own.write_text("tabla T AA B L AH\ncabs K AE B Z\n")
    assert continued(tmp_path, phones, ["tabla", "cabs"], dictionary=own).recipe["tokens"]["dictionary"] == str(own)


def test_a_word_that_nobody_can_say_is_named(tmp_path: Path) -> None:
    phones = TokenTable.from_symbols(("<blank>", "AA", "B"))
    with pytest.raises(TokenError, match="слово") as refused:
        continued(tmp_path, phones, ["слово"])
    assert "--dictionary" in str(refused.value.hint)


def test_a_dictionary_for_characters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="tokens are characters"):
        continued(tmp_path, LETTERS, ["ab"], dictionary=tmp_path / "own.dict")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        open_start(str(tmp_path / "none.safetensors"))
    with pytest.raises(BundleError):
        open_start("nomodel")
