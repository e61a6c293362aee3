"""Recipes: all mistakes at once, each with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tympan.data import Utterance
from tympan.data.doctor import from_utterances
from tympan.errors import RecipeError, TokenError
from tympan.lexicon import PHONES
from tympan.tokens import BLANK_TOKEN, TokenTable
from tympan.training.prepare import build_network, check_texts, speller, token_table
from tympan.training.recipe import Recipe, check_recipe, load_recipe
from tympan.training.schedule import SCHEDULES

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.yaml"))
SMALL: dict[str, Any] = {
    "name": "small",
    "data": {"train": ["a.jsonl"], "dev": ["b.jsonl"]},
    "model": {"encoder": {"name": "conformer"}},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


def refusal(changes: dict[str, Any]) -> str:
    with pytest.raises(RecipeError) as error:
        check_recipe({**SMALL, **changes}, "small.yaml")
    return str(error.value)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_here_loads_and_is_named_like_its_file(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_recipe(recipe)
    assert loaded.name == recipe.stem
    assert loaded.description
    monkeypatch.setattr(torch.nn.init, "orthogonal_", lambda weight: weight)  # no QR of GRU weights
    with torch.device("meta"):  # nor memory for 333 million weights
        build_network(loaded, 29)


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 5


def test_recipe_survives_being_written_and_read(path: Path) -> None:
    for recipe in (load_recipe(path), *map(load_recipe, RECIPES)):
        text = yaml.safe_dump(recipe.model_dump(mode="json"))
        assert check_recipe(yaml.safe_load(text), "again") == recipe


def test_all_mistakes_are_named_at_once_with_their_paths() -> None:
    message = refusal(
        {
            "name": "Not Good",
            "sed": 3,
            "data": {"train": [], "max_batch_seconds": 0, "wrokers": 2},
            "augment": {"speed": {"factors": [0.1, 1.0]}, "noise": {"probability": 2}, "spec": {"time_share": -1}},
            "training": {"max_epochs": 0, "schedule": "linear", "learning_rate": "fast"},
        }
    )
    assert "12 mistakes" in message
    for part in (
        "name: ",
        "sed: no such key",
        "data.train: ",
        "data.dev: is missing",
        "data.max_batch_seconds: ",
        "data.wrokers: no such key",
        "augment.speed.factors: 0.1 is not between 0.5 and 2",
        "augment.noise.probability: ",
        "augment.spec.time_share: ",
        "training.max_epochs: ",
        "training.schedule: ",
        "(it is 'linear')",
        "training.learning_rate: ",
    ):
        assert part in message, part


@pytest.mark.parametrize("missing", ["name", "data", "model"])
def test_missing_section_is_named(missing: str) -> None:
    with pytest.raises(RecipeError, match=f"{missing}: is missing"):
        check_recipe({key: value for key, value in SMALL.items() if key != missing}, "small.yaml")


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("training", {"learning_rate": float("nan")}),
        ("training", {"learning_rate": float("inf")}),
        ("training", {"learning_rate": -1e-3}),
        ("training", {"warmup_share": 1.0}),
        ("training", {"gradient_clip": 0}),
        ("training", {"ema_decay": 1.0}),
        ("training", {"accumulate": 0}),
        ("training", {"precision": "16"}),
        ("training", {"betas": [0.9]}),
        ("training", {"betas": [0.9, 1.5]}),
        ("training", {"betas": [-0.1, 0.9]}),
        ("training", {"max_epochs": 2.5}),
        ("data", {"max_batch_seconds": float("inf")}),
        ("data", {"workers": -1}),
        ("data", {"train": "a.jsonl"}),
        ("augment", {"speed": {"factors": []}}),
        ("augment", {"nonspeech": {"share": 1.0}}),
        ("augment", {"speed": {"factors": [float("nan")]}}),
        ("augment", {"noise": {"manifest": "n.jsonl", "snr_db": [5, 10, 15]}}),
        ("tokens", {"kind": "words"}),
        ("model", {"encoder": {}}),
        ("model", {"encoder": {"name": "conformer"}, "condition": "perhaps"}),
    ],
    ids=str,
)
def test_impossible_value_is_named_by_its_path(section: str, change: dict[str, Any]) -> None:
    message = refusal({section: {**SMALL.get(section, {}), **change}})
    assert "1 mistakes" in message or "2 mistakes" in message
    assert f"{section}." in message or section == "model"


def test_key_that_would_have_code_run_is_unknown() -> None:
    message = refusal({"_instantiator": "os.system", "training": {"_target_": "os.system", "!!python/object": 1}})
    assert "_instantiator: no such key" in message and "training._target_: no such key" in message


def test_yaml_that_would_build_objects_is_refused_and_nothing_is_run(path: Path, tmp_path: Path) -> None:
    path.write_text(f"name: !!python/object/apply:os.mkdir ['{tmp_path}/evil']\n")
    with pytest.raises(RecipeError, match="not readable YAML"):
        load_recipe(path)
    with pytest.raises(RecipeError, match="not readable"):
        load_recipe(RECIPES[0], [f"name=!!python/object/apply:os.mkdir ['{tmp_path}/evil']"])
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"just words", b"5", b"null"])
def test_file_that_is_no_mapping_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"small\.yaml is not a mapping"):
        load_recipe(path)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00a", b"a: b: c", b"\x80", b"[" * 20_000], ids=lambda content: str(content[:8]))
def test_file_that_is_no_yaml_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"small\.yaml is not readable YAML"):
        load_recipe(path)


def test_missing_file_and_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="There is no recipe"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match="is not readable"):
        load_recipe(tmp_path)


def test_byte_order_mark_and_windows_line_ends_are_read(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + yaml.safe_dump(SMALL).replace("\n", "\r\n").encode())
    assert load_recipe(path).name == "small"


def test_set_overrides_by_dotted_keys_and_reads_values_as_yaml(path: Path) -> None:
    overrides = [
        "training.max_epochs=5",
        "data.train=[x.jsonl, y.jsonl]",
        "augment.spec=null",
        "augment.noise.manifest=n.jsonl",
        "model.encoder.dim=64",
        "model.condition=true",
        "description=one = two",
        "training.learning_rate=1.0e-4",
        "training.max_epochs=6",
    ]
    recipe = load_recipe(path, overrides)
    assert recipe.training.max_epochs == 6, "the last one counts"
    assert recipe.data.train == [Path("x.jsonl"), Path("y.jsonl")]
    assert recipe.data.dev == [Path("b.jsonl")]
    assert recipe.augment.spec is None
    assert recipe.augment.noise is not None and recipe.augment.noise.manifest == Path("n.jsonl")
    assert recipe.model.encoder == {"name": "conformer", "dim": 64}
    assert recipe.model.condition is True
    assert recipe.description == "one = two"
    assert recipe.training.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("training.max_epochs", "not of the form"),
        ("=5", "not of the form"),
        ("", "not of the form"),
        ("name.first=x", "'name' is no section"),
        ("data.train.0=x", "'train' is no section"),
        ("training.max_epochs=[", "is not readable"),
        ("training.epochs=5", "training.epochs: no such key"),
        ("nosuch.key=5", "nosuch: no such key"),
        ("training.=5", "no such key"),
        ("training.max_epochs=five", "(it is 'five')"),
    ],
)
def test_bad_override_is_told(path: Path, override: str, part: str) -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe(path, [override])
    assert part in str(error.value)


def test_overrides_reach_into_sections_left_empty(path: Path) -> None:
    path.write_text(yaml.safe_dump(SMALL) + "training:\n")
    assert load_recipe(path, ["training.max_epochs=3"]).training.max_epochs == 3


def test_recipe_does_not_change_after_checking() -> None:
    recipe = check_recipe(SMALL, "small.yaml")
    with pytest.raises(ValueError, match="frozen"):
        recipe.training.max_epochs = 5


def test_every_schedule_has_its_name_in_the_recipe() -> None:
    for name in SCHEDULES:
        assert check_recipe({**SMALL, "training": {"schedule": name}}, "small.yaml").training.schedule == name


def recipe_with(characters: str) -> Recipe:
    return check_recipe({**SMALL, "tokens": {"characters": characters}}, "small.yaml")


def test_given_characters_make_the_tokens_in_their_order() -> None:
    assert token_table(recipe_with(" ba"), ["abc"]).tokens == ("<blank>", " ", "b", "a")
    assert token_table(check_recipe(SMALL, "small.yaml"), ["ab c"]).tokens == ("<blank>", " ", "a", "b", "c")


def test_no_characters_are_no_table() -> None:
    with pytest.raises(TokenError, match="2 to"):
        token_table(recipe_with(""), ["abc"])


def test_given_characters_are_taken_in_the_form_of_the_transcripts() -> None:
    """An editor may write the letter ü as u and two dots; transcripts never have it so."""
    table = token_table(recipe_with(" bru\u0308"), [])
    assert table.tokens == ("<blank>", " ", "b", "r", "\u00fc")
    assert table.encode("br\u00fc") == [2, 3, 4]


PHONE_SECTION = {"kind": "phones", "dictionary": "own.dict"}


@pytest.mark.parametrize(
    "tokens",
    [
        {"kind": "phones"},
        {"kind": "phones", "characters": " ab"},
        {**PHONE_SECTION, "characters": " ab"},
        {"dictionary": "own.dict"},
        {"kind": "characters", "characters": " ab", "dictionary": "own.dict"},
    ],
    ids=str,
)
def test_phones_need_a_dictionary_and_characters_have_none(tokens: dict[str, Any]) -> None:
    assert "kind phones needs 'dictionary' and no 'characters'" in refusal({"tokens": tokens})


@pytest.mark.parametrize("more", [{"characters": " ab"}, {"dictionary": "own.dict"}], ids=str)
def test_bytes_are_one_table_and_take_nothing(more: dict[str, Any]) -> None:
    recipe = check_recipe({**SMALL, "tokens": {"kind": "bytes"}}, "small.yaml")
    assert token_table(recipe, ["any", "text"]) == TokenTable.of_bytes()
    assert "kind bytes takes neither 'dictionary' nor 'characters'" in refusal({"tokens": {"kind": "bytes", **more}})


def test_tokens_of_phones_are_cmudicts_whatever_the_transcripts_are() -> None:
    table = token_table(check_recipe({**SMALL, "tokens": PHONE_SECTION}, "small.yaml"), ["any", "text"])
    assert (table.kind, table.tokens) == ("phones", (BLANK_TOKEN, *PHONES))


def test_transcripts_are_spelled_by_first_pronunciations_and_by_rule(tmp_path: Path) -> None:
    (tmp_path / "own.dict").write_text("read R EH1 D\nread(2) R IY1 D\n")
    recipe = check_recipe({**SMALL, "tokens": {"kind": "phones", "dictionary": tmp_path / "own.dict"}}, "small.yaml")
    assert speller(recipe)("Read fate") == "R EH D F EY T"
    assert speller(check_recipe(SMALL, "small.yaml"))("Read fate") == "Read fate"


def test_utterance_that_cannot_be_pronounced_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.dict").write_text("read R EH1 D\n")
    recipe = check_recipe({**SMALL, "tokens": {"kind": "phones", "dictionary": tmp_path / "own.dict"}}, "small.yaml")
    table = token_table(recipe, [])
    utterances = [Utterance("u1", tmp_path / "u1.wav", 1.0, "read"), Utterance("u2", tmp_path / "u2.wav", 1.0, "read 日本")]
    assert check_texts(from_utterances([(tmp_path, "train", utterances[:1])]), recipe, table, speller(recipe)) == []
    with pytest.raises(TokenError, match="the first, u2: There is no pronunciation of '日本'"):
        check_texts(from_utterances([(tmp_path, "train", utterances)]), recipe, table, speller(recipe))


def test_missing_dictionary_is_told_before_anything_else(tmp_path: Path) -> None:
    recipe = check_recipe({**SMALL, "tokens": {"kind": "phones", "dictionary": tmp_path / "none.dict"}}, "small.yaml")
    with pytest.raises(TokenError, match=r"no pronouncing dictionary .*none\.dict"):
        speller(recipe)


def test_objectives_have_keys_of_their_own() -> None:
    crf = {"kind": "ctc-crf", "order": 4, "max_ngrams": 100, "ctc_weight": 0.5}
    assert check_recipe({**SMALL, "training": {"objective": crf}}, "small.yaml").training.objective.model_dump() == crf
    assert check_recipe(SMALL, "small.yaml").training.objective.kind == "ctc"
    for kind in ("ctc", "ctc-smoothing", "ctc-blank-penalty", "ctc-priors", "ctc-crf"):
        assert check_recipe({**SMALL, "training": {"objective": {"kind": kind}}}, "small.yaml").training.objective.kind == kind


@pytest.mark.parametrize(
    ("objective", "parts"),
    [
        ({"kind": "mmi"}, ["training.objective", "'mmi'", "'ctc-crf'"]),
        ({"order": 4}, ["training.objective: needs the key 'kind'"]),
        ({"kind": "ctc", "order": 4}, ["training.objective.ctc.order: no such key"]),
        ({"kind": "ctc-crf", "order": 1, "max_ngrams": 0}, ["training.objective.ctc-crf.order", "training.objective.ctc-crf.max_ngrams"]),
        ({"kind": "ctc-smoothing", "weight": 1.0}, ["training.objective.ctc-smoothing.weight", "(it is 1.0)"]),
        ({"kind": "ctc-blank-penalty", "penalty": -1}, ["training.objective.ctc-blank-penalty.penalty"]),
        ({"kind": "ctc-priors", "decay": 1}, ["training.objective.ctc-priors.decay"]),
    ],
)
def test_objective_that_is_none_is_refused_with_its_path(objective: dict[str, Any], parts: list[str]) -> None:
    message = refusal({**SMALL, "training": {"objective": objective}})
    for part in parts:
        assert part in message


def test_plateau_needs_sane_options() -> None:
    message = refusal({**SMALL, "training": {"schedule": "plateau", "plateau_patience": 0, "plateau_factor": 1}})
    assert "training.plateau_patience" in message and "training.plateau_factor" in message
