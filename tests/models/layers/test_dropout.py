"""Dropout from bytes: its rate, its expectation, and nothing in evaluation."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.dropout import Dropout

COUNT = 400_000


@pytest.mark.parametrize("p", [0.05, 0.1, 0.15, 0.5, 0.9])
def test_rate_and_expectation_are_kept(p: float) -> None:
    torch.manual_seed(0)
    y = Dropout(p).train()(torch.ones(COUNT))
    rate = round(p * 256) / 256
    deviation = (rate * (1 - rate) / COUNT) ** 0.5
    assert abs(float((y == 0).float().mean()) - rate) < 5 * deviation
    assert abs(rate - p) <= 1 / 512
    assert torch.unique(y).tolist() == pytest.approx([0, 1 / (1 - rate)])
    assert abs(float(y.double().mean()) - 1) < 5 * deviation / (1 - rate)


def test_elements_are_dropped_independently() -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.5).train()(torch.ones(50_000, 8)) == 0
    correlation = torch.corrcoef(dropped.T.float())
    assert (correlation - torch.eye(8)).abs().max() < 0.02
    shifted = torch.corrcoef(torch.stack([dropped.flatten()[:-8], dropped.flatten()[8:]]).float())
    assert shifted[0, 1].abs() < 0.01


@pytest.mark.parametrize("p", [0.0, 0.001, 0.5])
def test_evaluation_changes_nothing(p: float) -> None:
    x = torch.randn(1000)
    assert torch.equal(Dropout(p).eval()(x), x)


def test_zero_changes_nothing_in_training() -> None:
    x = torch.randn(1000)
    assert torch.equal(Dropout(0.0).train()(x), x)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 5), (0, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_and_type_stay(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    y = Dropout(0.5).train()(torch.ones(shape, dtype=dtype))
    assert y.shape == shape and y.dtype == dtype


def test_gradient_is_that_of_what_was_kept() -> None:
    torch.manual_seed(0)
    x = torch.randn(1000, requires_grad=True)
    y = Dropout(0.25).train()(x)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.where(y == 0, 0.0, 1 / 0.75))


def test_seed_of_torch_decides() -> None:
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.5).train()(torch.ones(100)))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("p", [-0.1, 0.999, 1.0, 1.5, float("nan")])
def test_impossible_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="dropout"):
        Dropout(p)
