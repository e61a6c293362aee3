from __future__ import annotations

import pytest
import torch

from tympan.errors import RecipeError
from tympan.models.language import LSTMLanguageModel
from tympan.training.lm.export import build


def test_probabilities_of_what_follows_add_up_to_one() -> None:
    model = LSTMLanguageModel(7, embedding=4, hidden=5)
    log_probs, states = model(torch.randint(0, 7, (3, 6)), model.start(3))
    assert log_probs.shape == (3, 6, 7) and states.shape == (3, model.state_size)
    assert torch.allclose(log_probs.exp().sum(dim=2), torch.ones(3, 6), atol=1e-5)


def test_states_carry_all_that_was_read() -> None:
    torch.manual_seed(0)
    model = LSTMLanguageModel(7, embedding=4, hidden=5, layers=2).eval()
    tokens = torch.randint(0, 7, (3, 8))
    whole, end = model(tokens, model.start(3))
    first, states = model(tokens[:, :5], model.start(3))
    second, after = model(tokens[:, 5:], states)
    assert torch.allclose(torch.cat([first, second], dim=1), whole, atol=1e-6)
    assert torch.allclose(after, end, atol=1e-6)


def test_tied_weights_are_counted_once() -> None:
    sizes = {tied: sum(p.numel() for p in LSTMLanguageModel(100, embedding=8, hidden=8, tied=tied).parameters()) for tied in (True, False)}
    assert sizes[False] - sizes[True] == 100 * 8


def test_impossible_sizes_and_unknown_keys_are_told_by_their_path() -> None:
    with pytest.raises(ValueError, match="hidden is 0"):
        LSTMLanguageModel(7, hidden=0)
    with pytest.raises(RecipeError, match=r"model\.heads: no such key"):
        build({"family": "lstm", "heads": 4}, 7)
    with pytest.raises(RecipeError, match=r"no 'gpt'.*lstm"):
        build({"family": "gpt"}, 7)
