"""Very deep convolutional encoder: strided convolutions, residual blocks with convolutional LSTMs, LSTMs with a network in the network."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.conv_lstm import ConvLSTM
from tympan.models.layers.dropout import Dropout
from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.recurrent import Recurrent

KERNEL, STRIDE, PADDING = 3, 2, 1


class VeryDeepCNN(Encoder):
    """Two convolutions of stride 2 - `blocks` of residual convolutions and a residual convolutional LSTM - `layers` of BLSTM and NiN.

    T' = ceil(ceil(T / 2) / 2). With three blocks and three layers there are fourteen layers that see neighbours: 2 + 3 (2 + 1) + 3; the
    output is the fifteenth. A network in the network (NiN) is a convolution of width 1 with batch norm and rectifier behind each LSTM,
    in place of merely laying its directions side by side.

    The publication gives neither channels nor the width of the convolutional LSTM's kernel in all its tables, and its input had first
    and second differences as channels of their own; the figures here are our reading, with features alone.

    Args:
        num_features: F.
        channels: of all convolutions and of each direction of the convolutional LSTMs.
        blocks: of two 3 x 3 convolutions with a skip, then a convolutional LSTM with a skip.
        kernel: of the convolutional LSTMs, over bands, odd.
        layers: BLSTMs, each with a NiN behind it.
        dim: units of each direction of a BLSTM.
        dropout: before each BLSTM but the first.

    Source: Zhang, Chan and Jaitly 2016, arXiv:1610.03022, section 2.
    """

    def __init__(
        self,
        num_features: int = 80,
        *,
        channels: int = 32,
        blocks: int = 3,
        kernel: int = 3,
        layers: int = 3,
        dim: int = 256,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(channels, layers, dim) < 1 or blocks < 0:
            raise ValueError(f"channels {channels}, layers {layers} and dim {dim} must be at least 1, blocks {blocks} at least 0")
        self.num_features = num_features
        self.output_dim = 2 * dim
        bands = (num_features + 3) // 4  # two strides of 2, each rounded up
        self.convs = nn.ModuleList(ConvNorm(inputs, channels, STRIDE) for inputs in (1, channels))
        self.blocks = nn.ModuleList(ConvBlock(channels, bands, kernel) for _ in range(blocks))
        widths = (channels * bands, *[2 * dim] * (layers - 1))
        self.recurrent = nn.ModuleList(Recurrent(width, dim, kind="lstm") for width in widths)
        self.nins = nn.ModuleList(nn.Conv1d(2 * dim, 2 * dim, 1, bias=False) for _ in widths)
        self.norms = nn.ModuleList(MaskedBatchNorm(2 * dim) for _ in widths)
        self.dropout = Dropout(dropout)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(ceil(T / 2) / 2), elementwise."""
        for _ in self.convs:
            lengths = conv_length(lengths, KERNEL, STRIDE, PADDING)
        return lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', 2 dim), zero past the lengths, and (B,)."""
        x = hide(features[:, None], lengths)  # (B, 1, T, F)
        for conv in self.convs:
            shorter = conv_length(lengths, KERNEL, STRIDE, PADDING)
            x, lengths = hide(torch.relu(conv(x, shorter)), shorter), shorter
        for block in self.blocks:
            x = block(x, lengths)
        x = x.transpose(1, 2).flatten(2)  # (B, C, T', F') -> (B, T', C F')
        valid = length_mask(lengths, x.shape[1])[..., None]
        for index, (layer, nin, norm) in enumerate(zip(self.recurrent, self.nins, self.norms, strict=True)):
            x = layer(self.dropout(x) if index else x, lengths)
            x = torch.relu(norm(nin(x.transpose(1, 2)), lengths)).transpose(1, 2)
            x = x.masked_fill(~valid, 0.0)
        return x, lengths


class ConvNorm(nn.Module):
    """A 3 x 3 convolution and batch norm over valid frames."""

    def __init__(self, inputs: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels, KERNEL, stride, PADDING, bias=False)
        self.norm = MaskedBatchNorm(channels)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, C, T, F), zero past its lengths, and valid frames of the result (B,) -> (B, channels, T', F'), garbage past them."""
        normed: torch.Tensor = self.norm(self.conv(x), lengths)
        return normed


class ConvBlock(nn.Module):
    """Two convolutions with a skip, then a convolutional LSTM whose directions a 1 x 1 convolution brings together, with a skip."""

    def __init__(self, channels: int, bands: int, kernel: int) -> None:
        super().__init__()
        self.first, self.second = ConvNorm(channels, channels), ConvNorm(channels, channels)
        self.lstm = ConvLSTM(channels, channels, bands, kernel)
        self.merge = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.norm = MaskedBatchNorm(channels)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, C, T, F), zero past the lengths (B,) -> the same."""
        y = hide(torch.relu(self.first(x, lengths)), lengths)
        x = hide(torch.relu(x + self.second(y, lengths)), lengths)
        y = self.norm(self.merge(self.lstm(x, lengths)), lengths)
        return hide(torch.relu(x + y), lengths)


def hide(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, C, T, F) with the frames past each length set to 0."""
    return x.masked_fill(~length_mask(lengths, x.shape[2])[:, None, :, None], 0.0)
