"""The graph made by hand is the network: batches, lengths, layers, tied or not, states in and out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tympan.lm import NeuralFile, NeuralLM
from tympan.models.language import LSTMLanguageModel
from tympan.tokens import TokenTable
from tympan.training.lm.export import prove
from tympan.training.lm.graph import lstm_graph

TABLE = TokenTable(("<blank>", *"abcdefgh"))


@pytest.mark.parametrize(("layers", "tied", "hidden"), [(1, True, 6), (2, True, 10), (1, False, 10), (3, False, 6)])
def test_the_graph_gives_what_torch_gives_at_once_and_step_by_step(layers: int, tied: bool, hidden: int) -> None:
    torch.manual_seed(layers)
    model = LSTMLanguageModel(len(TABLE), embedding=6, hidden=hidden, layers=layers, tied=tied).eval()
    for parameter in model.parameters():  # biases too: those of a fresh network are small
        torch.nn.init.normal_(parameter, std=0.7)
    runtime = NeuralLM(NeuralFile(TABLE, model.state_size, lstm_graph(model)))
    assert prove(model, runtime) < 1e-5
    tokens = torch.randint(0, len(TABLE), (4, 9))
    states = torch.randn(4, model.state_size)
    with torch.no_grad():
        expected, after = model(tokens, states)
    found, found_after = runtime.run(tokens.numpy(), states.numpy())
    assert np.allclose(found, expected.numpy(), atol=1e-5)
    assert np.allclose(found_after, after.numpy(), atol=1e-5)


def test_the_proof_sees_one_changed_weight() -> None:
    torch.manual_seed(1)
    model = LSTMLanguageModel(len(TABLE), embedding=6, hidden=8).eval()
    runtime = NeuralLM(NeuralFile(TABLE, model.state_size, lstm_graph(model)))
    with torch.no_grad():
        model.lstm.bias_hh_l0[3] += 0.1
    assert prove(model, runtime) > 1e-4
