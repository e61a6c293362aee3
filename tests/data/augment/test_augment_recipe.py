"""The grammar: every mistake told with its path, in every section alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tympan.data.augment import ORDER, AugmentRecipe
from tympan.errors import RecipeError
from tympan.training.recipe import check_recipe

NEEDED: dict[str, dict[str, Any]] = {"noise": {"manifest": "n.jsonl"}, "rooms": {"manifest": "r.jsonl"}}


def check(section: dict[str, Any]) -> AugmentRecipe:
    data = {"train": ["a.jsonl"], "dev": ["b.jsonl"]}
    return check_recipe({"name": "x", "data": data, "model": {"encoder": {"name": "conformer"}}, "augment": section}, "x.yaml").augment


def refusal(section: dict[str, Any]) -> str:
    with pytest.raises(RecipeError) as error:
        check(section)
    return str(error.value)


def test_the_order_names_every_section_but_those_that_change_no_samples() -> None:
    assert ("joined", *ORDER, "nonspeech", "spec") == tuple(AugmentRecipe.model_fields)


@pytest.mark.parametrize("name", ["joined", *ORDER, "spec"])
def test_every_section_has_a_probability_and_no_unknown_key(name: str) -> None:
    good = NEEDED.get(name, {})
    assert getattr(check({name: {**good, "probability": 0.25}}), name).probability == 0.25
    assert getattr(check({name: {**good, "probability": 1}}), name).probability == 1
    assert getattr(check({name: None}), name) is None
    for wrong in (-0.1, 1.1, "0.5", True, None, float("nan")):
        assert f"augment.{name}.probability: " in refusal({name: {**good, "probability": wrong}})
    assert f"augment.{name}.probabilty: no such key" in refusal({name: {**good, "probabilty": 0.5}})
    for wrong in ([1.0], 0.1, "on"):
        assert f"augment.{name}: is a section of keys and values (it is {wrong!r})" in refusal({name: wrong})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("vocal_tract", "warp"),
        ("babble", "snr_db"),
        ("noise", "snr_db"),
        ("volume", "gain_db"),
        ("codec", "opus_kbps"),
        ("codec", "mp3_kbps"),
        ("codec", "vorbis_quality"),
        ("dropped", "share"),
        ("dropped", "packet_ms"),
        ("rooms.simulated", "side_m"),
        ("rooms.simulated", "height_m"),
        ("rooms.simulated", "rt60_s"),
        ("rooms.simulated", "distance_m"),
    ],
)
def test_every_range_is_two_numbers_in_order_within_bounds(name: str, key: str) -> None:
    def section(value: object) -> dict[str, Any]:
        outer, _, inner = name.partition(".")
        content: dict[str, Any] = {inner: {key: value}} if inner else {key: value}
        return {outer: {**NEEDED.get(outer, {}), **content}}

    path = f"augment.{name}.{key}"
    assert f"{path}: the lower end comes first" in refusal(section([20, 10]))
    assert f"{path}: 100000.0 is not between" in refusal(section([100000.0, 100000.0]))
    for wrong in ([1], [1, 2, 3], 5, ["1", "2"], [float("nan"), 1], [None, 1]):
        assert path in refusal(section(wrong)), wrong


def test_mistakes_of_several_sections_are_told_at_once() -> None:
    message = refusal(
        {
            "speed": {"factors": [0.1, 1.0]},
            "noise": {"probability": 2},
            "rooms": {},
            "babble": {"talkers": [0, 4]},
            "telephone": {"codings": []},
            "codec": {"codecs": ["aac"]},
            "nonspeech": {"share": 1.0},
            "spec": {"time_share": -1, "time_mask_rate": 0},
            "echo": {},
        }
    )
    for part in (
        "augment.speed.factors: 0.1 is not between 0.5 and 2",
        "augment.noise.probability: ",
        "augment.rooms: needs 'manifest', 'simulated' or both",
        "augment.babble.talkers.0: ",
        "augment.telephone.codings: is empty",
        "augment.codec.codecs.0: ",
        "augment.nonspeech.share: ",
        "augment.spec.time_share: ",
        "augment.spec.time_mask_rate: ",
        "augment.echo: no such key",
    ):
        assert part in message, part
    assert "10 mistakes" in message


def test_a_section_survives_being_written_and_read() -> None:
    full = {name: NEEDED.get(name, {}) for name in AugmentRecipe.model_fields} | {"rooms": {"manifest": "r.jsonl", "simulated": {}}}
    recipe = check(full)
    assert AugmentRecipe.model_validate(yaml.safe_load(yaml.safe_dump(recipe.model_dump(mode="json")))) == recipe
    assert recipe.noise is not None and recipe.noise.manifest == Path("n.jsonl")


def test_only_specaugment_is_on_by_default() -> None:
    assert [name for name in AugmentRecipe.model_fields if getattr(AugmentRecipe(), name) is not None] == ["spec"]


def test_the_page_tells_every_key_with_its_default() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "augmentation.md").read_text(encoding="utf-8")
    told: dict[str, dict[str, str]] = {}
    name = ""
    for line in page.splitlines():
        if found := re.match(r"\| (?:`(\w+)` )?\| `(\w+)` \| (.*?) \|", line):
            name = found[1] or name
            told.setdefault(name, {})[found[2]] = found[3].strip("`")
    for name, section in AugmentRecipe.model_fields.items():
        (members,) = (kind for kind in get_args(section.annotation) if kind is not type(None))
        assert set(told[name]) == set(members.model_fields)
        for key, field in members.model_fields.items():
            default = field.default if not isinstance(field.default, tuple) else list(field.default)
            assert told[name][key] == "all" or (yaml.safe_load(told[name][key].replace("none", "null")) == default), (name, key)
