"""NovoGrad by hand, and where it stands beside its own properties."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tympan.training.novograd import NovoGrad


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def test_two_steps_by_hand() -> None:
    """w = (1, -2), g = (3, 4): |g| = 5. Then g = (0, 1): v = 0.5 * 25 + 0.5 * 1 = 13."""
    w = parameter(1.0, -2.0)
    optimizer = NovoGrad([w], lr=0.1, betas=(0.9, 0.5), weight_decay=0.01)
    w.grad = torch.tensor([3.0, 4.0], dtype=torch.float64)
    optimizer.step()
    momentum = (0.6 + 0.01 * 1.0, 0.8 - 0.01 * 2.0)
    first = (1.0 - 0.1 * momentum[0], -2.0 - 0.1 * momentum[1])
    assert w.tolist() == pytest.approx(first)
    w.grad = torch.tensor([0.0, 1.0], dtype=torch.float64)
    optimizer.step()
    momentum = (0.9 * momentum[0] + 0.01 * first[0], 0.9 * momentum[1] + 1 / math.sqrt(13) + 0.01 * first[1])
    assert w.tolist() == pytest.approx((first[0] - 0.1 * momentum[0], first[1] - 0.1 * momentum[1]))
    assert float(optimizer.state[w]["square"]) == pytest.approx(13)


def test_steps_do_not_depend_on_the_scale_of_a_layers_gradient() -> None:
    ways = []
    for scale in (1.0, 1e6):
        w, v = parameter(1.0, 2.0), parameter(-1.0)
        optimizer = NovoGrad([w, v], lr=0.1)
        for step in range(3):
            w.grad = scale * torch.tensor([1.0, step], dtype=torch.float64)
            v.grad = torch.tensor([5.0], dtype=torch.float64)
            optimizer.step()
        ways.append([*w.tolist(), *v.tolist()])
    assert ways[0] == pytest.approx(ways[1])


def test_parameters_without_gradient_stay_and_zero_gradients_do_not_divide_by_zero() -> None:
    w, v = parameter(1.0), parameter(2.0)
    optimizer = NovoGrad([w, v], lr=0.1)
    v.grad = torch.zeros(1, dtype=torch.float64)
    optimizer.step()
    assert w.tolist() == [1.0] and v.tolist() == [2.0] and w not in optimizer.state


def test_a_least_squares_problem_is_solved() -> None:
    torch.manual_seed(0)
    inputs, truth = torch.randn(64, 5), torch.randn(5)
    model = nn.Linear(5, 1, bias=False)
    optimizer = NovoGrad(model.parameters(), lr=0.02, betas=(0.9, 0.98))

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (model(inputs)[:, 0] - inputs @ truth).square().mean()
        loss.backward()
        return loss

    for step in range(300):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / 300)
        loss = optimizer.step(closure)
    assert isinstance(loss, torch.Tensor) and loss.item() < 1e-3
