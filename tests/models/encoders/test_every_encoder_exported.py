"""Every encoder leaves torch unchanged: padded batches, a bundle read without torch, and 8-bit weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from miniatures import MINIATURES, TOKENS, without_dropout
from tympan.bundle import Bundle
from tympan.features import from_config
from tympan.models import build
from tympan.tokens import TokenTable
from tympan.training.export import frame_shift
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.proof import check_proof, proof_clips, prove
from tympan.training.quantize import quantize_graph

TABLE = TokenTable(("<blank>", *" abcd"))
FRONT_ENDS = {
    "deepspeech": "mfcc26",
    "deepspeech2_pytorch": "spec161",
    "jasper": "fbank64",
    "quartznet": "fbank64",
    "wave2letter": "fbank64",
}
ALWAYS = ("deepspeech", "deepspeech2_gru", "quartznet")  # one direction, two directions, convolutions


def shaken(name: str, num_features: int) -> torch.nn.Module:
    """A miniature whose weights and running statistics are as uneven as after training."""
    torch.manual_seed(3)
    model = build(without_dropout(name), num_features, TOKENS).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        for buffer in (buffer for key, buffer in model.named_buffers() if "running" in key):
            buffer.add_(0.2 * torch.rand_like(buffer))
    return model


def batches_agree(model: torch.nn.Module, graph: bytes, num_features: int) -> None:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for lengths in ([57], [16], [1], [25, 44, 2, 0]):
        features, valid = torch.randn(len(lengths), max(lengths), num_features), torch.tensor(lengths)
        with torch.no_grad():
            expected, expected_lengths = model(features, valid)
        found, found_lengths = session.run(None, {"features": features.numpy(), "lengths": valid.numpy()})
        assert found_lengths.tolist() == expected_lengths.tolist()
        for row, count in enumerate(expected_lengths.tolist()):
            torch.testing.assert_close(torch.from_numpy(found[row, :count]), expected[row, :count], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.long]) for name in MINIATURES])
def test_bundle_gives_what_torch_gives(name: str, tmp_path: Path) -> None:
    extractor = from_config({"name": FRONT_ENDS.get(name, "fbank80")})
    model: Any = shaken(name, extractor.num_features)
    graph = trace_graphs(model)[MAIN]
    batches_agree(model, graph, extractor.num_features)
    clips = proof_clips(extractor.sample_rate)[:3]
    for weights, exported in (("float32", graph), ("int8", quantize_graph(graph))):
        facts = {"family": "ctc", "config": MINIATURES[name], "parameters": 1, "weights": weights}
        normalization, shift = {"mode": "utterance"}, frame_shift(model, extractor)
        bundle = Bundle(
            tmp_path / "m.tympan", "m", "en", dict(extractor.config()), normalization, TABLE, shift, facts, {}, exported, "", None
        )
        bundle.write(bundle.path)
        check_proof(prove(model, Bundle.open(bundle.path), clips), int8=weights == "int8")
