"""The corrected CRNNs leave torch unchanged, padded batches included."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnxruntime
import pytest
import torch

from tympan.models.encoders import ENCODERS, Encoder

SMALL = {
    "crnn_assembly": {"num_features": 7, "channels": 2, "blocks": 1, "rnn_layers": 2, "rnn_dim": 6},
    "crnn_dredwardhyde": {"num_features": 7, "channels": 2, "blocks": 1, "rnn_layers": 1, "rnn_dim": 6},
    "deepspeech2_keras": {"num_features": 21, "channels": 2, "rnn_layers": 2, "rnn_dim": 6},
}


def export(encoder: Encoder, path: Path) -> onnxruntime.InferenceSession:
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames")
    example = (torch.randn(2, 30, encoder.num_features), torch.tensor([30, 21]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside torch 2.13's own exporter
        torch.onnx.export(
            encoder,
            example,
            path,
            input_names=["features", "lengths"],
            output_names=["encoded", "encoded_lengths"],
            dynamic_shapes={"features": {0: batch, 1: frames}, "lengths": {0: batch}},
            dynamo=True,
            verbose=False,
        )
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", sorted(SMALL))
def test_onnx_equals_torch_for_lengths_not_seen_at_export(name: str, tmp_path: Path) -> None:
    torch.manual_seed(7)
    encoder = ENCODERS[name](**SMALL[name]).eval()
    session = export(encoder, tmp_path / "encoder.onnx")
    for lengths in ([57], [16], [1], [25, 44, 2, 0]):
        features, valid = torch.randn(len(lengths), max(lengths), encoder.num_features), torch.tensor(lengths)
        with torch.no_grad():
            expected, expected_lengths = encoder(features, valid)
        encoded, encoded_lengths = session.run(None, {"features": features.numpy(), "lengths": valid.numpy()})
        assert encoded_lengths.tolist() == expected_lengths.tolist()
        torch.testing.assert_close(torch.from_numpy(encoded), expected, atol=1e-4, rtol=0)
