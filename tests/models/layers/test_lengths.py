"""Arithmetic of lengths against the convolutions themselves."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.lengths import conv_length, length_mask


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 2, 1), (3, 1, 1), (1, 1, 0), (11, 2, 5), (5, 3, 0), (4, 4, 1)])
def test_length_is_that_of_the_convolution(kernel: int, stride: int, padding: int) -> None:
    conv = torch.nn.Conv1d(1, 1, kernel, stride, padding)
    promised = conv_length(torch.arange(60), kernel, stride, padding)
    assert promised[0] == 0
    for frames in range(1, 60):
        real = conv(torch.zeros(1, 1, frames)).shape[2] if frames + 2 * padding >= kernel else 0
        assert int(promised[frames]) == real, frames


def test_mask_is_true_on_valid_frames_only() -> None:
    assert length_mask(torch.tensor([0, 2, 5]), 3).tolist() == [[False] * 3, [True, True, False], [True] * 3]
