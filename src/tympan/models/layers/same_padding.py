"""The padding "same" of TensorFlow and Keras, which depends on the length of what is padded."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after `size` such that a convolution gives ceil(size / stride); of an odd number one more comes after."""
    outputs = (size + stride - 1) // stride
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    """Pad the last axes of x, as many as `kernel` has, in its order."""
    sizes = x.shape[-len(kernel) :]
    pads = [same_padding(*axis) for axis in zip(sizes, kernel, stride, strict=True)]
    return F.pad(x, [zeros for pad in reversed(pads) for zeros in pad])
