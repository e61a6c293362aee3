"""Weights read back out of a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tympan.bundle import Bundle
from tympan.errors import BundleError
from tympan.models import build
from tympan.tokens import TokenTable
from tympan.training.from_bundle import bundle_weights
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.quantize import quantize_graph

CONFORMER: dict[str, Any] = {
    "encoder": {"name": "conformer", "dim": 16, "layers": 2, "heads": 2, "kernel": 3, "expansion": 2, "subsampling": 4, "taps": [1]},
    "head": {"unfold": 2},
    "condition": True,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, torch.nn.Module]:
    """A bundle on disc and the model it was made of."""
    torch.manual_seed(5)
    model = build(CONFORMER, 80, 4).eval()
    with torch.no_grad():  # as after training: the exporter stores equal weights, such as fresh biases, only once
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    facts = {"family": "ctc", "config": CONFORMER, "parameters": 1, "weights": "float32"}
    table = TokenTable(("<blank>", " ", "a", "b"))
    path = tmp_path_factory.mktemp("bundles") / "tiny.tympan"
    bundle = Bundle(
        path, "tiny", "en", {"name": "fbank80"}, {"mode": "utterance"}, table, 0.04, facts, {}, trace_graphs(model)[MAIN], "", None
    )
    bundle.write(path)
    return bundle, model


def test_weights_come_back_to_the_bit(tiny: tuple[Bundle, torch.nn.Module]) -> None:
    bundle, model = tiny
    found, expected = bundle_weights(bundle.path), model.state_dict()
    assert found.keys() == expected.keys()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []
    assert sum(tensor.numel() for tensor in found.values()) == sum(int(np.prod(parameter.shape)) for parameter in model.parameters())


def test_int8_weights_come_back_within_a_step_of_their_scale(tiny: tuple[Bundle, torch.nn.Module], tmp_path: Path) -> None:
    bundle, model = tiny
    small = replace(bundle, model={**bundle.model, "weights": "int8"}, graph=quantize_graph(bundle.graph))
    small.write(tmp_path / "small.tympan")
    found = bundle_weights(tmp_path / "small.tympan")
    for name, tensor in model.state_dict().items():
        step = float(tensor.abs().max()) / 127
        assert float((found[name] - tensor).abs().max()) <= step, name


def test_bundle_of_another_layout_is_refused_with_what_to_begin_with(tiny: tuple[Bundle, torch.nn.Module], tmp_path: Path) -> None:
    bundle, _ = tiny
    wider = {**CONFORMER, "encoder": {**CONFORMER["encoder"], "layers": 3}}
    replace(bundle, model={**bundle.model, "config": wider}).write(tmp_path / "other.tympan")
    with pytest.raises(BundleError, match="not where this version") as refused:
        bundle_weights(tmp_path / "other.tympan")
    assert "safetensors" in str(refused.value.hint)


def test_weights_that_do_not_give_what_the_bundle_gives_are_refused(tiny: tuple[Bundle, torch.nn.Module], tmp_path: Path) -> None:
    bundle, _ = tiny
    other = {**CONFORMER, "encoder": {**CONFORMER["encoder"], "heads": 4}}  # the same weights, another network
    replace(bundle, model={**bundle.model, "config": other}).write(tmp_path / "other.tympan")
    with pytest.raises(Exception, match="differs from"):
        bundle_weights(tmp_path / "other.tympan")
