"""Convolutions that shorten the features in time before the expensive layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.past import Past

KERNEL, STRIDE, PADDING = 3, 2, 1


class ConvSubsampling(nn.Module):
    """Two 2-D convolutions of stride 2 over time and bands, then, for 8x, one 1-D convolution of stride 2.

    Few channels at the full frame rate, for there a convolution costs most.

    Args:
        num_features: F.
        dim: D of the result.
        factor: 4 or 8.
        channels: of the two 2-D convolutions.
        pad_bands: with a zero on either side of the bands, ceil(F / 4) of them come out; ESPnet has none, and a band less.
            In time it is always padded.
    """

    def __init__(
        self, num_features: int, dim: int, factor: int = 8, channels: tuple[int, int] = (16, 32), *, pad_bands: bool = True
    ) -> None:
        super().__init__()
        if factor not in (4, 8):
            raise ValueError(f"subsampling {factor} is not 4 or 8")
        self.stages = {4: 2, 8: 3}[factor]
        padding = (PADDING, PADDING if pad_bands else 0)
        self.conv1 = nn.Conv2d(1, channels[0], KERNEL, STRIDE, padding)
        self.conv2 = nn.Conv2d(channels[0], channels[1], KERNEL, STRIDE, padding)
        bands = (num_features + 3) // 4 if pad_bands else ((num_features - 1) // 2 - 1) // 2  # two strides of 2
        if bands < 1:
            raise ValueError(f"{num_features} features are too few for two convolutions of {KERNEL} without padding")
        kernel, stride = (KERNEL, STRIDE) if factor == 8 else (1, 1)
        self.project = nn.Conv1d(channels[1] * bands, dim, kernel, stride, kernel // 2)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        for _ in range(self.stages):
            lengths = conv_length(lengths, KERNEL, STRIDE, PADDING)
        return lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,). Padding is zeroed before each convolution, so it is never seen.

        With `past`, T is a multiple of the factor.
        """
        padding = ~length_mask(lengths, features.shape[1])
        x = features.masked_fill(padding[..., None], 0.0)[:, None]  # (B, 1, T, F); a product would keep NaN
        for conv in (self.conv1, self.conv2):
            x = torch.relu(conv(x) if past is None else strided(conv, past.end(x, PADDING, 2)))  # (B, C, T/2, F/2)
            lengths = conv_length(lengths, KERNEL, STRIDE, PADDING)
            x = x * length_mask(lengths, x.shape[2])[:, None, :, None]
        x = x.transpose(2, 3).flatten(1, 2)  # (B, C, T, F) -> (B, C F, T)
        x = self.project(x) if past is None or self.stages == 2 else strided(self.project, past.end(x, PADDING, 2))  # (B, D, T')
        if self.stages == 3:
            lengths = conv_length(lengths, KERNEL, STRIDE, PADDING)
        return x.transpose(1, 2), lengths


def strided(conv: nn.Conv1d | nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """A convolution of kernel 3 and stride 2 whose first input is there, in place of its padding in time.

    Behind the last it needs none: an even number of frames ends with the second tap of three.
    """
    if isinstance(conv, nn.Conv1d):  # a matrix product, which is faster at the length of a chunk
        taps = (x[:, :, :-2:STRIDE], x[:, :, 1:-1:STRIDE], x[:, :, 2::STRIDE])
        windows = torch.cat(taps, dim=1).transpose(1, 2)  # (B, T', 3 C)
        return functional.linear(windows, conv.weight.permute(0, 2, 1).flatten(1), conv.bias).transpose(1, 2)
    bands = conv.padding[1]
    assert isinstance(bands, int)
    return functional.conv2d(x, conv.weight, conv.bias, conv.stride, (0, bands), conv.dilation, conv.groups)
