"""Attention worked by hand, and what holds for every kind of it."""

from __future__ import annotations

import math

import pytest
import torch

from tympan.models.spellers import SpellerAttention

KINDS = ("dot", "mlp", "location")


def test_additive_attention_is_the_formula_worked_by_hand() -> None:
    attention = SpellerAttention(1, 1, kind="mlp", dim=1)
    with torch.no_grad():
        attention.query.weight.fill_(0.5)
        attention.key.weight.fill_(2.0)
        attention.key.bias.fill_(-1.0)
        assert attention.energy is not None
        attention.energy.fill_(3.0)
    encoded = torch.tensor([[[0.0], [1.0], [9.0]]])
    context, weights = attention(torch.tensor([[2.0]]), torch.zeros(1, 1, 3), attention.memory(encoded, torch.tensor([2])))
    energies = [3 * math.tanh(0.5 * 2 + 2 * h - 1) for h in (0.0, 1.0)]  # tanh(0) and tanh(2); the third frame is padding
    share = 1 / (1 + math.exp(energies[0] - energies[1]))
    torch.testing.assert_close(weights[0, 0], torch.tensor([1 - share, share, 0.0]))
    assert context.item() == pytest.approx(share)


def test_dot_attention_compares_two_bent_vectors() -> None:
    attention = SpellerAttention(2, 3, kind="dot", dim=4)
    state, encoded = torch.randn(1, 3), torch.randn(1, 5, 2)
    _, weights = attention(state, torch.zeros(1, 1, 5), attention.memory(encoded, torch.tensor([5])))
    query = torch.tanh(state[0] @ attention.query.weight.T + attention.query.bias)
    energies = torch.tanh(encoded[0] @ attention.key.weight.T + attention.key.bias) @ query
    torch.testing.assert_close(weights[0, 0], energies.softmax(0))


def test_location_attention_sees_where_it_looked_before() -> None:
    attention = SpellerAttention(1, 1, kind="location", dim=2, filters=1, kernel=3)
    assert attention.conv is not None and attention.place is not None and attention.energy is not None
    with torch.no_grad():
        for weight in (attention.query.weight, attention.key.weight, attention.key.bias):
            weight.zero_()
        attention.conv.weight.copy_(torch.tensor([[[1.0, 0.0, 0.0]]]))  # the weight of the frame before
        attention.place.weight.fill_(1.0)
        attention.energy.fill_(2.0)
    memory = attention.memory(torch.arange(4.0)[None, :, None], torch.tensor([4]))
    _, weights = attention(torch.zeros(1, 1), torch.tensor([[[0.0, 1.0, 0.0, 0.0]]]), memory)
    energies = torch.tensor([0.0, 0.0, 4 * math.tanh(1.0), 0.0])
    torch.testing.assert_close(weights[0, 0], energies.softmax(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heads", [1, 2])
def test_an_utterance_is_looked_at_as_if_alone_and_weights_sum_to_one(kind: str, heads: int) -> None:
    torch.manual_seed(heads)
    attention = SpellerAttention(4, 3, kind=kind, dim=6, heads=heads, filters=2, kernel=5)
    encoded, lengths = torch.randn(3, 9, 4), torch.tensor([9, 5, 0])
    encoded[1, 5:], encoded[2] = torch.nan, torch.nan
    state, before = torch.randn(3, 3), torch.rand(3, heads, 9).softmax(2)
    before[1, :, 5:] = 0.0
    context, weights = attention(state, before, attention.memory(encoded, lengths))
    assert context.shape == (3, 4) and torch.isfinite(context).all() and not context[2].any()
    torch.testing.assert_close(weights[:2].sum(2), torch.ones(2, heads))
    assert not weights[1, :, 5:].any()
    alone = attention(state[1:2], before[1:2, :, :5], attention.memory(encoded[1:2, :5], lengths[1:2]))
    torch.testing.assert_close((context[1:2], weights[1:2, :, :5]), alone, atol=1e-6, rtol=0)


def test_each_of_two_heads_looks_by_itself() -> None:
    torch.manual_seed(0)
    attention = SpellerAttention(4, 3, kind="mlp", dim=6, heads=2)
    memory = attention.memory(torch.randn(1, 6, 4), torch.tensor([6]))
    context, weights = attention(torch.randn(1, 3), torch.zeros(1, 2, 6), memory)
    assert not torch.allclose(weights[0, 0], weights[0, 1])
    torch.testing.assert_close(context[0, :2], weights[0, 0] @ memory.values[0, 0])
    torch.testing.assert_close(context[0, 2:], weights[0, 1] @ memory.values[0, 1])


@pytest.mark.parametrize(
    ("options", "told"),
    [({"kind": "self"}, "'self' is none of dot, mlp, location"), ({"heads": 3}, "heads 3"), ({"kernel": 4}, "kernel 4"), ({"dim": 0}, "0")],
)
def test_impossible_attention_is_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SpellerAttention(4, 3, **{"dim": 8, **options})  # type: ignore[arg-type]
