"""The residual block of Jasper and QuartzNet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from tympan.models.layers.conv_norm import ConvNorm


class JasperBlock(nn.Module):
    """`repeat` times [ConvNorm - ReLU - dropout], with 1x1 ConvNorms of earlier signals added before the last ReLU.

    Args:
        inputs: channels of the block's input.
        outputs: channels of each sub-block.
        kernel: taps.
        repeat: sub-blocks.
        dropout: behind each ReLU.
        separable: depthwise and pointwise convolutions.
        residuals: channels of the signals that are added at the end; none for a plain stack.
        stride: of the first sub-block.
        dilation: of all.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        repeat: int = 1,
        dropout: float = 0.0,
        separable: bool = False,
        residuals: Sequence[int] = (),
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.units = nn.ModuleList(
            ConvNorm(
                inputs if index == 0 else outputs,
                outputs,
                kernel,
                stride=stride if index == 0 else 1,
                dilation=dilation,
                separable=separable,
            )
            for index in range(repeat)
        )
        self.residuals = nn.ModuleList(ConvNorm(channels, outputs, 1) for channels in residuals)
        self.dropout = nn.Dropout(dropout)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        for unit in self.units:
            lengths = unit.output_lengths(lengths)  # type: ignore[operator]
        return lengths

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor, sources: Sequence[torch.Tensor] = (), *, faithful: bool = False
    ) -> torch.Tensor:
        """(B, C, T) with valid frames (B,) -> (B, C', T').

        Args:
            sources: the signals to add, as many as `residuals`, each (B, C_i, T').
            faithful: batch statistics over padding too (SEED correction C2).
        """
        for index, unit in enumerate(self.units):
            x = unit(x, lengths, None if faithful else lengths)
            lengths = unit.output_lengths(lengths)  # type: ignore[operator]
            if index == len(self.units) - 1:
                for residual, source in zip(self.residuals, sources, strict=True):
                    x = x + residual(source, lengths, None if faithful else lengths)
            x = self.dropout(torch.relu(x))
        return x
