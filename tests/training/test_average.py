"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tympan.training.average import WARMUP_STEPS, WeightAverage


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def step(network: nn.Module) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape))


@pytest.mark.parametrize("decay", [0.1, 0.5, 0.998])
def test_average_follows_the_formula(decay: float) -> None:
    network = module()
    average = WeightAverage(network, decay)
    expected = {name: parameter.detach().double() for name, parameter in network.named_parameters()}
    for number in range(1, 40):
        step(network)
        average.update()
        share = min(decay, (1 + number) / (WARMUP_STEPS + number))
        for name, parameter in network.named_parameters():
            expected[name] = share * expected[name] + (1 - share) * parameter.detach().double()
    for name, weight in average.weights.items():
        torch.testing.assert_close(weight.double(), expected[name], atol=1e-5, rtol=1e-5)
    assert average.weights.keys() == dict(network.named_parameters()).keys()


def test_averages_stand_within_the_block_and_the_own_weights_after_it() -> None:
    network = module()
    average = WeightAverage(network, 0.9)
    step(network)
    average.update()
    own = {name: weight.clone() for name, weight in network.state_dict().items()}
    with average.applied():
        for name, parameter in network.named_parameters():
            assert torch.equal(parameter, average.weights[name])
            assert not torch.equal(parameter, own[name])
    assert all(torch.equal(weight, own[name]) for name, weight in network.state_dict().items())


def test_own_weights_come_back_after_an_error() -> None:
    network = module()
    average = WeightAverage(network, 0.9)
    step(network)
    own = [parameter.detach().clone() for parameter in network.parameters()]
    with pytest.raises(KeyboardInterrupt), average.applied():
        raise KeyboardInterrupt
    assert all(torch.equal(parameter, weight) for parameter, weight in zip(network.parameters(), own, strict=True))


def test_average_is_no_view_of_the_weights() -> None:
    network = module()
    average = WeightAverage(network, 0.9)
    before = {name: weight.clone() for name, weight in average.weights.items()}
    step(network)
    assert all(torch.equal(weight, before[name]) for name, weight in average.weights.items())


def test_zero_keeps_no_average_and_changes_nothing() -> None:
    network = module()
    average = WeightAverage(network, 0.0)
    step(network)
    average.update()
    own = [parameter.detach().clone() for parameter in network.parameters()]
    with average.applied():
        assert all(torch.equal(parameter, weight) for parameter, weight in zip(network.parameters(), own, strict=True))
    assert average.weights == {} and average.steps == 1


def test_optimizer_still_owns_the_parameters_after_the_block() -> None:
    network = module()
    identities = [id(parameter) for parameter in network.parameters()]
    with WeightAverage(network, 0.9).applied():
        pass
    assert [id(parameter) for parameter in network.parameters()] == identities
    assert all(parameter.requires_grad for parameter in network.parameters())
