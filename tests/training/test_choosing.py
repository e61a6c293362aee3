"""A recipe from data and a size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tympan.data import read_manifest, write_manifest
from tympan.data.manifest import Utterance
from tympan.errors import ManifestError, RecipeError
from tympan.tokens import TokenTable
from tympan.training.choosing import PIECES_HOURS, choose, infeasible
from tympan.training.recipe import check_recipe
from tympan.training.sizes import SIZES


def manifest(path: Path, count: int, *, seconds: float = 2.0, speakers: int = 30, text: str = "one two") -> Path:
    rows = [
        {"audio_filepath": f"{number}.wav", "duration": seconds, "text": text, "speaker": f"s{number % speakers}", "id": f"u{number}"}
        for number in range(count)
    ]
    write_manifest(path, rows)
    return path


def chosen(tmp_path: Path, size: str = "small", **data: Any) -> dict[str, Any]:
    train, dev = manifest(tmp_path / "train.jsonl", 300, **data), manifest(tmp_path / "dev.jsonl", 30, **data)
    return choose([train], [dev], size, tmp_path / "run", name="own").recipe


@pytest.mark.parametrize("size", sorted(SIZES))
def test_every_size_gives_a_recipe_that_is_in_order(tmp_path: Path, size: str) -> None:
    recipe = check_recipe(chosen(tmp_path, size), "chosen.yaml")
    assert recipe.model.encoder["dim"] == SIZES[size].dim and recipe.training.learning_rate == SIZES[size].learning_rate


def test_an_unknown_size_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no size 'huge'") as refused:
        chosen(tmp_path, "huge")
    assert "tiny, small, base, large" in str(refused.value.hint)


def test_the_less_there_is_to_hear_the_more_often_it_is_heard(tmp_path: Path) -> None:
    few = chosen(tmp_path, "tiny", seconds=2.1)["training"]["max_epochs"]
    many = chosen(tmp_path, "tiny", seconds=6.0)["training"]["max_epochs"]
    assert few == round(SIZES["tiny"].hours / (2 * 300 * 2.1 / 3600)), "in two views"
    assert many == round(SIZES["tiny"].hours / (2 * 300 * 6.0 / 3600))


def test_few_speakers_widen_the_augmentation(tmp_path: Path) -> None:
    few, many = chosen(tmp_path, speakers=4)["augment"], chosen(tmp_path, speakers=30)["augment"]
    assert "vocal_tract" in few and "vocal_tract" not in many
    assert max(few["speed"]["factors"]) > max(many["speed"]["factors"])


def test_words_alone_are_joined_and_lose_their_level(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(40):
        gain = 10 ** rng.uniform(-2, 0)
        soundfile.write(tmp_path / f"{number}.wav", gain * rng.uniform(-1, 1, 8000), 16_000)
    train, dev = manifest(tmp_path / "train.jsonl", 40, seconds=0.5, text="a"), manifest(tmp_path / "dev.jsonl", 40, seconds=0.5, text="a")
    recipe = choose([train], [dev], "tiny", tmp_path / "run", name="own").recipe
    assert recipe["normalization"]["mode"] == "level" and "volume" not in recipe["augment"]
    assert max(recipe["normalization"]["std"]) < 1.6, "the noise alone has 1.3, with the levels 3"
    assert recipe["augment"]["joined"]["seconds"] > 0.5 and recipe["tokens"] == {"kind": "characters", "characters": " a"}
    assert "joined" not in chosen(tmp_path)["augment"]


def test_english_gets_phones_and_a_dictionary_of_its_words(tmp_path: Path) -> None:
    data = manifest(tmp_path / "train.jsonl", 100, text="one blimble two")
    choice = choose([data], [data], "tiny", tmp_path, name="own", language="en")
    assert choice.recipe["tokens"]["kind"] == "phones"
    lines = Path(choice.recipe["tokens"]["dictionary"]).read_text().splitlines()
    assert "two T UW" in lines and {line.split()[0] for line in lines} == {"one", "blimble", "two"}
    assert any("pronounced by rules of English: blimble" in reason for reason in choice.reasons)
    unsaid = manifest(tmp_path / "signs.jsonl", 100, text="gate 12")
    choice = choose([unsaid], [unsaid], "tiny", tmp_path, name="own", language="en")
    assert choice.recipe["tokens"]["kind"] == "characters" and any("no phones as tokens" in reason for reason in choice.reasons)


def test_dev_set_of_known_speakers_is_judged_by_its_loss(tmp_path: Path) -> None:
    train, dev = manifest(tmp_path / "train.jsonl", 60, speakers=30), manifest(tmp_path / "dev.jsonl", 30, speakers=10)
    strangers = tmp_path / "strangers.jsonl"
    strangers.write_text(dev.read_text().replace('"s', '"stranger'))
    found = [choose([train], [of], "tiny", tmp_path / "run", name="own").recipe["training"]["best_by"] for of in (dev, strangers)]
    assert found == ["loss", "wer"]


def test_fast_speech_gets_a_head_with_more_frames(tmp_path: Path) -> None:
    slow, fast = chosen(tmp_path, text="a b"), chosen(tmp_path, text="many signs in two seconds of speech here and more")
    assert slow["model"]["head"]["unfold"] < fast["model"]["head"]["unfold"]
    table = TokenTable.from_texts(["many signs in two seconds of speech here and more"])
    utterances = read_manifest(tmp_path / "train.jsonl")
    assert infeasible(utterances, table, fast["model"]["encoder"]["subsampling"] / fast["model"]["head"]["unfold"]) == 0


def test_feasibility_counts_repeats_and_a_fifth_faster_speech() -> None:
    table = TokenTable(("<blank>", "a", "b"))
    utterance = Utterance("u", Path("u.wav"), 0.48, "aab", "")  # needs 4 frames, has 40 at the faster speed
    assert infeasible([utterance], table, 10.0) == 0 and infeasible([utterance], table, 10.1) == 1


def many_hours(path: Path, texts: list[str]) -> Path:
    seconds = PIECES_HOURS * 3600 / len(texts)
    rows = [{"audio_filepath": f"{n}.wav", "duration": seconds, "text": text, "id": str(n)} for n, text in enumerate(texts)]
    write_manifest(path, rows)
    return path


def test_much_speech_gets_word_pieces(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghijklmnop"), rng.integers(2, 9))) for _ in range(3000)]
    data = many_hours(tmp_path / "train.jsonl", [" ".join(rng.choice(words, 20)) for _ in range(300)])
    tokens = choose([data], [data], "base", tmp_path, name="own").recipe["tokens"]
    assert tokens["kind"] == "pieces" and len(TokenTable.read(tokens["table"])) == 500


def test_much_speech_of_few_words_keeps_characters_and_says_why(tmp_path: Path) -> None:
    data = many_hours(tmp_path / "train.jsonl", ["yes no"] * 100)
    choice = choose([data], [data], "base", tmp_path, name="own")
    assert choice.recipe["tokens"] == {"kind": "characters"}
    assert any("word pieces cannot be learned" in reason for reason in choice.reasons)


def test_without_a_dev_set_speakers_are_held_out_where_there_are_many(tmp_path: Path) -> None:
    train = manifest(tmp_path / "all.jsonl", 600, speakers=60)
    recipe = choose([train], [], "tiny", tmp_path / "run", name="own").recipe
    parts = [read_manifest(recipe["data"][name][0]) for name in ("train", "dev")]
    assert sum(map(len, parts)) == 600 and 20 < len(parts[1]) < 140
    assert not {u.speaker for u in parts[0]} & {u.speaker for u in parts[1]}
    again = choose([train], [], "tiny", tmp_path / "again", name="own").recipe
    assert [u.id for u in read_manifest(again["data"]["dev"][0])] == [u.id for u in parts[1]]
    assert json.loads(Path(recipe["data"]["dev"][0]).read_text().splitlines()[0])["audio_filepath"] == str(parts[1][0].audio)


def test_without_a_dev_set_and_with_few_speakers_utterances_are_held_out_and_that_is_said(tmp_path: Path) -> None:
    choice = choose([manifest(tmp_path / "all.jsonl", 400, speakers=3)], [], "tiny", tmp_path / "run", name="own")
    assert any("flatters" in reason for reason in choice.reasons)


def test_nine_clips_are_not_split(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="9 utterances are too few"):
        choose([manifest(tmp_path / "all.jsonl", 9)], [], "tiny", tmp_path / "run", name="own")
