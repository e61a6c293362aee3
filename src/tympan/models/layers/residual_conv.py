"""A pre-activation residual block of 3x3 convolutions over time and frequency."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.heads.ctc import activation_layer
from tympan.models.layers.dropout import Dropout


class ResidualConv(nn.Module):
    """x + unit(...(unit(x))), each unit LayerNorm - activation - dropout - Conv2d 3x3; (B, C, T, F) stays (B, C, T, F).

    Args:
        channels: C.
        bands: F.
        units: convolutions in the block.
        activation: "gelu" or "relu".
        dropout: before each convolution.
        norm_over_channels: True normalises each frame over channels and bands together. False normalises the bands of
            each channel and frame alone: that is published, and removes from the signal how strongly each filter
            responded. Both have a gain and a bias for each band (F), so both have the published number of parameters.
    """

    def __init__(self, channels: int, bands: int, *, units: int, activation: str, dropout: float, norm_over_channels: bool) -> None:
        super().__init__()
        self.units = nn.ModuleList(_ConvUnit(channels, bands, activation, dropout, norm_over_channels) for _ in range(units))

    def forward(self, x: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
        """Add the units' result to x.

        Args:
            x: (B, C, T, F).
            padding: (B, 1, T, 1) bool, True at frames that no convolution may see; None lets all be seen.
        """
        residual = x
        for unit in self.units:
            x = unit(x, padding)
        return x + residual


class _ConvUnit(nn.Module):
    def __init__(self, channels: int, bands: int, activation: str, dropout: float, norm_over_channels: bool) -> None:
        super().__init__()
        self.norm_over_channels = norm_over_channels
        self.norm = nn.LayerNorm(bands)
        self.activation = activation_layer(activation)
        self.dropout = Dropout(dropout)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
        if self.norm_over_channels:
            frames = x.transpose(1, 2)  # (B, C, T, F) -> (B, T, C, F)
            normed = F.layer_norm(frames, frames.shape[2:], eps=self.norm.eps)
            x = (normed * self.norm.weight + self.norm.bias).transpose(1, 2)
        else:
            x = self.norm(x)
        x = self.dropout(self.activation(x))
        if padding is not None:
            x = x.masked_fill(padding, 0.0)  # here, not after the conv: the norm's bias has just filled the padding again
        mixed: torch.Tensor = self.conv(x)
        return mixed
