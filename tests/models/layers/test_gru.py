"""The GRU for processors, beside torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tympan.models.layers.gru import Recurrence, backwards, gru
from tympan.models.layers.lengths import length_mask

LENGTHS = [7, 1, 5]


def theirs(layer: nn.GRU, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=x.shape[1])[0]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_values_and_gradients_are_those_of_torch(bidirectional: bool) -> None:
    torch.manual_seed(1)
    layer = nn.GRU(5, 4, batch_first=True, bidirectional=bidirectional).double()
    lengths = torch.tensor(LENGTHS)
    weight = torch.randn(3, 7, 8 if bidirectional else 4, dtype=torch.float64).masked_fill(~length_mask(lengths, 7)[..., None], 0)
    found = []
    for read in (theirs, gru):
        x = torch.randn(3, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
        layer.zero_grad()
        y = read(layer, x, lengths)
        (y * weight).sum().backward()
        found.append([y.masked_fill(weight == 0, 0), x.grad, *(parameter.grad.clone() for parameter in layer.parameters())])
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


def test_gradients_are_those_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = (4, 2, 3, 9), (2, 9, 3), (2, 9)
    given = [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]
    assert torch.autograd.gradcheck(lambda *tensors: Recurrence.apply(*tensors, torch.float64), given)


def test_under_autocast_it_is_near_and_its_weights_get_their_precision() -> None:
    torch.manual_seed(4)
    layer, lengths, x = nn.GRU(32, 32, batch_first=True, bidirectional=True), torch.tensor(LENGTHS), torch.randn(3, 7, 32)
    with torch.autocast("cpu", torch.bfloat16):
        y = gru(layer, x, lengths)
    y.float().sum().backward()
    valid = length_mask(lengths, 7)[..., None]
    torch.testing.assert_close(y.float() * valid, theirs(layer, x, lengths) * valid, rtol=0, atol=0.03)
    assert all(parameter.grad is not None and parameter.grad.dtype == torch.float32 for parameter in layer.parameters())


def test_reversal_is_of_the_valid_frames_alone() -> None:
    assert backwards(torch.tensor([3, 0, 4]), 4).tolist() == [[2, 1, 0, 3], [0, 1, 2, 3], [3, 2, 1, 0]]
