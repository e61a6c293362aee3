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
from tympan.training.export import trace
from tympan.training.from_bundle import bundle_weights
from tympan.training.quantize import quantize_graph

CONFORMER: dict[str, Any] = {
    "encoder": {"name": "conformer", "dim": 16, "layers": 2, "heads": 2, "kernel": 3, "expansion": 2, "subsampling": 4, "taps": [1]},
    "head": {"unfold": 2},
    "condition": True,
}


def bundled(path: Path, config: dict[str, Any], *, int8: bool = False) -> tuple[Bundle, torch.nn.Module]:
    torch.manual_seed(5)
    model = build(config, 80, 4).eval()
    with torch.no_grad():  # as after training: the exporter stores equal weights, such as fresh biases, only once
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    graph = trace(model, 80)
    facts = {"family": "ctc", "config": config, "parameters": 1, "weights": "int8" if int8 else "float32"}
    table = TokenTable(("<blank>", " ", "a", "b"))
    graph = quantize_graph(graph) if int8 else graph
    bundle = Bundle(path, "tiny", "en", {"name": "fbank80"}, {"mode": "utterance"}, table, 0.04, facts, {}, graph, "", None)
    bundle.write(path)
    return bundle, model


def test_weights_come_back_to_the_bit(tmp_path: Path) -> None:
    _, model = bundled(tmp_path / "tiny.tympan", CONFORMER)
    found = bundle_weights(tmp_path / "tiny.tympan")
    expected = model.state_dict()
    assert found.keys() == expected.keys()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []


def test_int8_weights_come_back_within_a_step_of_their_scale(tmp_path: Path) -> None:
    _, model = bundled(tmp_path / "tiny.tympan", CONFORMER, int8=True)
    found = bundle_weights(tmp_path / "tiny.tympan")
    for name, tensor in model.state_dict().items():
        step = float(tensor.abs().max()) / 127
        assert float((found[name] - tensor).abs().max()) <= step, name


def test_bundle_of_another_layout_is_refused_with_what_to_begin_with(tmp_path: Path) -> None:
    bundle, _ = bundled(tmp_path / "tiny.tympan", CONFORMER)
    wider = {**CONFORMER, "encoder": {**CONFORMER["encoder"], "layers": 3}}
    replace(bundle, model={**bundle.model, "config": wider}).write(tmp_path / "other.tympan")
    with pytest.raises(BundleError, match="not where this version") as refused:
        bundle_weights(tmp_path / "other.tympan")
    assert "safetensors" in str(refused.value.hint)


def test_weights_that_do_not_give_what_the_bundle_gives_are_refused(tmp_path: Path) -> None:
    bundle, _ = bundled(tmp_path / "tiny.tympan", CONFORMER)
    other = {**CONFORMER, "encoder": {**CONFORMER["encoder"], "heads": 4}}  # the same weights, another network
    replace(bundle, model={**bundle.model, "config": other}).write(tmp_path / "other.tympan")
    with pytest.raises(Exception, match="differs from"):
        bundle_weights(tmp_path / "other.tympan")


def test_numbers_are_all_there(tmp_path: Path) -> None:
    _, model = bundled(tmp_path / "tiny.tympan", CONFORMER)
    assert sum(tensor.numel() for tensor in bundle_weights(tmp_path / "tiny.tympan").values()) == sum(
        int(np.prod(parameter.shape)) for parameter in model.parameters()
    )
