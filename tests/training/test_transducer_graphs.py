"""A transducer's ONNX graphs: what onnxruntime finds with them is what torch finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from tympan.decoding import TransducerDecoder, transducer_greedy
from tympan.decoding.onnx_networks import OnnxNetworks
from tympan.errors import BundleError
from tympan.models import build_transducer
from tympan.models.transducer_networks import TorchNetworks
from tympan.tokens import TokenTable
from tympan.training.transducer_graphs import trace_encoder, trace_joiner, trace_predictor

TABLE = TokenTable(("<blank>", " ", "a", "b", "c"))
ENCODER = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4}
PREDICTORS: dict[str, dict[str, Any]] = {
    "stateless": {"name": "stateless", "dim": 8, "context": 3},
    "lstm": {"name": "lstm", "embedding_dim": 4, "dim": 6, "layers": 2},
}


def session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", sorted(PREDICTORS))
def test_search_by_onnxruntime_equals_search_by_torch_and_exchanged_graphs_are_told(name: str) -> None:
    torch.manual_seed(0)
    model = build_transducer({"encoder": ENCODER, "predictor": PREDICTORS[name], "joiner": {"dim": 16}}, 8, len(TABLE)).eval()
    with torch.no_grad():
        model.joiner.output.weight *= 8  # an untrained network that is sure of something
    ours = TorchNetworks(model)
    theirs = OnnxNetworks(session(trace_predictor(model.predictor)), session(trace_joiner(model)))
    encoded = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)
    assert len(transducer_greedy(ours, encoded).tokens) > 2
    assert transducer_greedy(theirs, encoded).tokens == transducer_greedy(ours, encoded).tokens
    wanted = TransducerDecoder(ours, TABLE, beam_size=4).decode(encoded, nbest=4)
    found = TransducerDecoder(theirs, TABLE, beam_size=4).decode(encoded, nbest=4)
    assert [h.text for h in found] == [h.text for h in wanted]
    assert [h.score for h in found] == pytest.approx([h.score for h in wanted], abs=1e-3)
    assert [h.timesteps for h in found] == [h.timesteps for h in wanted]
    with pytest.raises(BundleError, match=r"takes \['encoded', 'predicted'\]"):
        OnnxNetworks(theirs.joiner, theirs.predictor)
    with pytest.raises(BundleError, match="not encoded and predicted"):
        OnnxNetworks(theirs.predictor, theirs.predictor)


def test_the_encoder_graph_takes_other_sizes_than_its_example() -> None:
    torch.manual_seed(1)
    model = build_transducer({"encoder": ENCODER, "joiner": {"dim": 16}, "predictor": PREDICTORS["stateless"]}, 8, len(TABLE)).eval()
    graph = trace_encoder(model.encoder)
    features, lengths = torch.randn(3, 57, 8), torch.tensor([57, 30, 8])
    with torch.no_grad():
        wanted, frames = model.encoder(features, lengths)
    encoded, output_lengths = session(graph).run(None, {"features": features.numpy(), "lengths": lengths.numpy()})
    np.testing.assert_array_equal(output_lengths, frames.numpy())
    for row, own, count in zip(encoded, wanted.numpy(), frames, strict=True):
        np.testing.assert_allclose(row[:count], own[:count], atol=1e-4)
