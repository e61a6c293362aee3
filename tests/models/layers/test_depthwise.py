"""The depthwise convolution, written twice."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.chunks import Chunks
from tympan.models.layers.depthwise import DepthwiseConv


@pytest.mark.parametrize("kernel", [1, 3, 15])
@pytest.mark.parametrize("frames", [1, 2, 7, 40])
def test_training_and_evaluation_give_the_same(kernel: int, frames: int) -> None:
    torch.manual_seed(0)
    layer = DepthwiseConv(6, kernel)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(3, frames, 6)
    torch.testing.assert_close(layer.train()(x), layer.eval()(x), atol=1e-6, rtol=1e-5)


def test_training_and_evaluation_have_the_same_gradient() -> None:
    torch.manual_seed(0)
    layer, x, weights = DepthwiseConv(5, 7), torch.randn(2, 20, 5), torch.randn(2, 20, 5)
    gradients = []
    for training in (True, False):
        layer.zero_grad()
        y = x.clone().requires_grad_()
        (layer.train(training)(y) * weights).sum().backward()
        gradients.append((y.grad, layer.weight.grad, layer.bias.grad))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_each_channel_is_correlated_with_its_own_taps_around_the_frame() -> None:
    layer = DepthwiseConv(2, 3).train()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [2.0, 5.0], [3.0, 0.0]]))
        layer.bias.copy_(torch.tensor([0.0, 0.5]))
    impulse = torch.zeros(1, 5, 2)
    impulse[0, 2] = 1
    assert layer(impulse)[0].tolist() == [[0, 0.5], [3, 0.5], [2, 5.5], [1, 0.5], [0, 0.5]]


@pytest.mark.parametrize("kernel", [0, 2, 16, -1])
def test_kernel_without_a_centre_is_refused(kernel: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        DepthwiseConv(4, kernel)


@pytest.mark.parametrize("training", [True, False])
def test_in_chunks_each_is_convolved_with_its_past_but_not_its_future(training: bool) -> None:
    torch.manual_seed(0)
    layer, x = DepthwiseConv(4, 5).train(training), torch.randn(2, 11, 4)
    found = layer(x, Chunks(torch.tensor([3, 0]), 11))
    torch.testing.assert_close(found[1:], layer(x[1:]))
    for end in (3, 6, 9, 11):
        heard = layer(x[:1, :end])
        torch.testing.assert_close(found[:1, end - 3 + (end == 11) : end], heard[:, end - 3 + (end == 11) : end])
