"""TensorFlow's padding "same", worked by hand."""

from __future__ import annotations

import torch

from tympan.models.layers.same_padding import pad_same, same_padding


def test_same_padding_depends_on_the_parity_of_the_length() -> None:
    assert same_padding(20, 11, 2) == (4, 5)
    assert same_padding(21, 11, 2) == (5, 5)
    assert same_padding(193, 41, 2) == (20, 20)
    assert same_padding(3, 1, 2) == (0, 0)


def test_axes_are_padded_in_the_order_of_the_kernel() -> None:
    assert pad_same(torch.zeros(2, 3, 20, 193), (11, 41), (2, 2)).shape == (2, 3, 29, 233)
    padded = pad_same(torch.ones(1, 1, 4), (3,), (2,))
    assert padded.tolist() == [[[1, 1, 1, 1, 0]]]
