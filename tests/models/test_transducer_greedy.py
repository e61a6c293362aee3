"""Greedy decoding of a batch finds what the search finds for each utterance alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tympan.decoding import transducer_greedy
from tympan.models import build_transducer
from tympan.models.transducer_greedy import greedy_batch
from tympan.models.transducer_networks import TorchNetworks

ENCODER = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4}


@pytest.mark.parametrize(
    "predictor", [{"name": "stateless", "dim": 8, "context": 3}, {"name": "lstm", "embedding_dim": 4, "dim": 6, "layers": 2}]
)
@pytest.mark.parametrize("max_symbols", [1, 3])
def test_batch_is_decoded_as_each_alone(predictor: dict[str, Any], max_symbols: int) -> None:
    torch.manual_seed(0)
    model = build_transducer({"encoder": ENCODER, "predictor": predictor, "joiner": {"dim": 16}}, 8, 6).eval()
    with torch.no_grad():
        model.joiner.output.weight *= 8  # an untrained network that is sure of something
    encoded, lengths = torch.randn(5, 14, 8), torch.tensor([14, 3, 9, 0, 14])
    networks = TorchNetworks(model)
    alone = [
        transducer_greedy(networks, row[:length].numpy(), max_symbols=max_symbols).tokens
        for row, length in zip(encoded, lengths, strict=True)
    ]
    assert [tuple(tokens) for tokens in greedy_batch(model, encoded, lengths, max_symbols=max_symbols)] == alone
    assert max(map(len, alone)) > 3 and not alone[3]


def test_nobody_says_nothing() -> None:
    model = build_transducer({"encoder": ENCODER}, 8, 6).eval()
    assert greedy_batch(model, torch.zeros(0, 4, 8), torch.zeros(0, dtype=torch.int64)) == []
