"""From a description to a network: what is wrong with it is told by its path in the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tympan.errors import RecipeError
from tympan.models.build import build, count_parameters
from tympan.models.encoders import ENCODERS
from tympan.training.prepare import build_network
from tympan.training.recipe import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
TINY: dict[str, Any] = {"name": "conformer", "dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1}

NAMES = sorted(set(ENCODERS) - {"huggingface"})  # that has tests of its own


def refusal(encoder: dict[str, Any], **more: Any) -> str:
    with pytest.raises(RecipeError) as error:
        build({"encoder": encoder, **more}, 9, 5)
    return str(error.value)


@pytest.mark.parametrize("name", [None, "", "whisper", 3, ["conformer"], {}])
def test_unknown_encoder_is_told_with_those_that_there_are(name: object) -> None:
    message = refusal({"name": name})
    assert f"model.encoder.name: there is no encoder {name!r}" in message
    assert all(known in message for known in ENCODERS)


def test_missing_name_is_told() -> None:
    assert "model.encoder.name" in refusal({"dim": 8})


@pytest.mark.parametrize("name", NAMES)
def test_unknown_keys_of_every_encoder_are_told_all_at_once_with_the_known_ones(name: str) -> None:
    message = refusal({"name": name, "layrs": 3, "path": "x", "self": 1, "droput": 0.1})
    for key in ("layrs", "path", "self", "droput"):
        assert f"model.encoder.{key}: no such key" in message
    assert "dropout" in message


@pytest.mark.parametrize("key", ["dim", "num_tokens", "kind", "activations"])
def test_unknown_key_of_the_head_is_told(key: str) -> None:
    message = refusal(TINY, head={key: 4})
    assert f"model.head.{key}: no such key" in message and "unfold" in message


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"dim": 9}, ("9 is not a multiple",)),
        ({"dim": -8}, ("dim -8",)),
        ({"dim": "8"}, ()),
        ({"dim": None}, ()),
        ({"heads": 0}, ("heads 0",)),
        ({"heads": 2.5}, ()),
        ({"kernel": 2}, ("kernel 2",)),
        ({"kernel": -3}, ("kernel -3",)),
        ({"layers": "two"}, ()),
        ({"subsampling": 5}, ("subsampling 5",)),
        ({"dropout": 2.0}, ("dropout 2.0",)),
        ({"dropout": "much"}, ()),
        ({"taps": [2]}, ("taps (2,)",)),
        ({"taps": 1}, ()),
        ({"taps": ["one"]}, ()),
    ],
    ids=str,
)
def test_impossible_value_is_told_by_its_path(change: dict[str, Any], parts: tuple[str, ...]) -> None:
    message = refusal({**TINY, **change}, condition="taps" in change)
    assert message.startswith("model.encoder: ")
    assert all(part in message for part in parts)


RECURRENT: list[dict[str, Any]] = [{"rnn_dim": -4}, {"rnn_dim": "six"}]
ATTENTION: list[dict[str, Any]] = [{"layers": 0}, {"dim": 10}, {"heads": 0}, {"positions": "absolute"}, {"subsampling": 6}, {"left": 0}]
TABLE: list[dict[str, Any]] = [{"repeat": 0}, {"groups": 6}, {"groups": 0}, {"width": 0}, {"width": "half"}]
IMPOSSIBLE: dict[str, list[dict[str, Any]]] = {
    "conformer": [{"positions": "absolute"}, {"conv_norm": "group"}, {"stem": "narrow"}, {"stem": "separable", "subsampling": 2}],
    "crnn_assembly": RECURRENT,
    "crnn_dredwardhyde": RECURRENT,
    "deepspeech": [{"dim": 0}, {"dim": "wide"}, {"context": -1}, {"ceiling": 0}, {"biases": 3}],
    "deepspeech2_keras": RECURRENT,
    "deepspeech2_pytorch": [*RECURRENT, {"rnn": "elman"}, {"merge": "mean"}, {"rnn_layers": 0}, {"lookahead": 3}, {"lookahead": -1}],
    "e_branchformer": [*ATTENTION, {"gated": 3}, {"kernel": 4}, {"merge_kernel": 2}],
    "jasper": [*TABLE, {"blocks": 0}],
    "pyramidal_blstm": [{"dim": 0}, {"layers": 0}, {"pyramid": -1}, {"stack": 0}, {"dim": "wide"}],
    "quartznet": [*TABLE, {"blocks": 0}],
    "tdnnf": [{"layers": 3}, {"bottleneck": 0}, {"constrain_every": 0}, {"dim": "wide"}],
    "transformer": [*ATTENTION, {"feed_forward": 0}],
    "very_deep_cnn": [{"channels": 0}, {"blocks": -1}, {"kernel": 2}, {"layers": 0}, {"dim": "wide"}],
    "wave2letter": TABLE,
}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name in NAMES for change in [*IMPOSSIBLE[name], {"dropout": 7.0}]], ids=str
)
def test_impossible_value_of_every_encoder_is_told(name: str, change: dict[str, Any]) -> None:
    assert refusal({"name": name, **change}).startswith("model.encoder: ")


def test_impossible_activation_is_told_with_the_possible_ones() -> None:
    assert "model.encoder: activation 'swish' is none of gelu, relu" in refusal({"name": "crnn_dredwardhyde", "activation": "swish"})
    assert "model.head: activation 'swish' is none of gelu, relu" in refusal(TINY, head={"hidden": 4, "activation": "swish"})


@pytest.mark.parametrize("head", [{"unfold": 0}, {"unfold": -1}, {"unfold": "two"}, {"hidden": -4}, {"hidden": 4, "dropout": 3}], ids=str)
def test_impossible_value_of_the_head_is_told(head: dict[str, Any]) -> None:
    assert refusal(TINY, head=head).startswith("model.head: ")


def test_features_of_another_number_are_told_with_both_numbers() -> None:
    message = refusal({**TINY, "num_features": 80})
    assert "80" in message and "9 features" in message
    assert build({"encoder": {**TINY, "num_features": 9}}, 9, 5).encoder.num_features == 9


def test_condition_and_taps_need_each_other() -> None:
    assert "model.condition needs model.encoder.taps" in refusal(TINY, condition=True)
    assert "model.encoder.taps have no effect" in refusal({**TINY, "taps": [1]})
    assert build({"encoder": {**TINY, "taps": [1]}, "condition": True}, 9, 5).feedback is not None


def test_description_is_left_as_it_was() -> None:
    config = {"encoder": dict(TINY), "head": {"unfold": 2}}
    build(config, 9, 5)
    assert config == {"encoder": TINY, "head": {"unfold": 2}}


def test_seed_decides_the_weights() -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(torch.cat([weight.flatten() for weight in build({"encoder": TINY}, 9, 5).parameters()]))
    assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])


def test_parameters_are_counted_with_running_statistics() -> None:
    assert count_parameters(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))) == 12 + 4 + 4 + 4 + 4 + 4


def test_english_model_has_its_published_size() -> None:
    """29 tokens: the blank, the space, the apostrophe and 26 letters."""
    model, extractor, _ = build_network(load_recipe(RECIPES / "english-small.yaml"), 29)
    assert extractor.num_features == 80
    assert 3_000_000 < count_parameters(model) < 8_200_000
    assert count_parameters(model) == 8_064_250
