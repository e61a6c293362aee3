"""The convolutional LSTM against its equations, convolutions and all, frame by frame."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tympan.models.layers.conv_lstm import ConvLSTM


def by_equations(layer: ConvLSTM, x: torch.Tensor) -> torch.Tensor:
    """(C, T, F) -> (2 channels, T, F)."""
    both = []
    for direction in range(2):
        heard = x if direction == 0 else x.flip(1)
        pad = layer.input_kernel.shape[3] // 2
        hidden = cell = torch.zeros(layer.channels, layer.bands)
        found = []
        for frame in heard.unbind(1):
            gates = F.conv1d(frame[None], layer.input_kernel[direction], padding=pad)[0]
            gates = gates + F.conv1d(hidden[None], layer.state_kernel[direction], padding=pad)[0] + layer.bias[direction][:, None]
            i, f, g, o = gates.chunk(4)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            found.append(hidden)
        both.append(torch.stack(found if direction == 0 else found[::-1], dim=1))
    return torch.cat(both)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_each_utterance_is_read_as_the_equations_say(kernel: int) -> None:
    torch.manual_seed(kernel)
    layer = ConvLSTM(3, 2, 4, kernel)
    x, lengths = torch.randn(3, 3, 7, 4), torch.tensor([7, 0, 4])
    read = layer(x, lengths)
    for row, count in enumerate(lengths.tolist()):
        if count:
            torch.testing.assert_close(read[row, :, :count], by_equations(layer, x[row, :, :count]), atol=1e-6, rtol=1e-5)
        assert not read[row, :, count:].any()


def test_gradients_are_those_of_the_equations() -> None:
    torch.manual_seed(0)
    layer, x = ConvLSTM(2, 2, 3), torch.randn(1, 2, 5, 3)
    found, expected = [], []
    for results, outcome in ((found, layer(x, torch.tensor([5]))[0]), (expected, by_equations(layer, x[0]))):
        results += torch.autograd.grad(outcome.square().sum(), list(layer.parameters()))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_band_hears_its_neighbours_alone_in_one_frame() -> None:
    layer, x = ConvLSTM(1, 1, 6), torch.zeros(1, 1, 1, 6)
    other = x.clone()
    other[0, 0, 0, 0] = 1.0
    changed = (layer(other, torch.tensor([1])) != layer(x, torch.tensor([1])))[0].any(dim=(0, 1))
    assert changed.tolist() == [True, True, False, False, False, False]
