"""The LSTM for processors, beside torch's on packed batches."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tympan.models.layers.lengths import length_mask
from tympan.models.layers.lstm import lstm

LENGTHS = [7, 1, 5]


def theirs(layer: nn.LSTM, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=x.shape[1])[0]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_values_and_gradients_are_those_of_packed_batches(bidirectional: bool, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(1)
    layer = nn.LSTM(5, 4, batch_first=True, bidirectional=bidirectional).to(dtype)
    lengths = torch.tensor(LENGTHS)
    weight = torch.randn(3, 7, 8 if bidirectional else 4, dtype=dtype).masked_fill(~length_mask(lengths, 7)[..., None], 0)
    found = []
    for read in (theirs, lstm):
        x = torch.randn(3, 7, 5, dtype=dtype, generator=torch.Generator().manual_seed(2)).requires_grad_()
        layer.zero_grad()
        y = read(layer, x, lengths)
        (y * weight).sum().backward()
        found.append([y.masked_fill(weight == 0, 0), x.grad, *(parameter.grad.clone() for parameter in layer.parameters())])
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance)


def test_under_autocast_it_is_near_and_its_weights_get_their_precision() -> None:
    torch.manual_seed(4)
    layer, lengths, x = nn.LSTM(32, 32, batch_first=True, bidirectional=True), torch.tensor(LENGTHS), torch.randn(3, 7, 32)
    with torch.autocast("cpu", torch.bfloat16):
        y = lstm(layer, x, lengths)
    y.float().sum().backward()
    valid = length_mask(lengths, 7)[..., None]
    torch.testing.assert_close(y.float() * valid, theirs(layer, x, lengths) * valid, rtol=0, atol=0.03)
    assert all(parameter.grad is not None and parameter.grad.dtype == torch.float32 for parameter in layer.parameters())
