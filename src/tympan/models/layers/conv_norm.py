"""A 1-D convolution over time with batch norm: the unit of Wave2Letter+, Jasper and QuartzNet."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.same_padding import pad_same

EPS, MOMENTUM = 1e-3, 0.1  # of OpenSeq2Seq and NeMo alike


class ConvNorm(nn.Module):
    """Conv1d without bias, or depthwise and then pointwise Conv1d (`separable`), then batch norm; (B, C, T) -> (B, C', T').

    T' = ceil(T / stride).

    Args:
        inputs: C.
        outputs: C'.
        kernel: taps, odd.
        stride: frames from one output to the next.
        dilation: frames from one tap to the next.
        separable: each channel alone over time, then all channels of a frame; nothing between.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1, separable: bool = False) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.reach = dilation * (kernel - 1) + 1
        groups = inputs if separable else 1
        between = inputs if separable else outputs
        self.conv = nn.Conv1d(inputs, between, kernel, stride, dilation=dilation, groups=groups, bias=False)
        self.pointwise = nn.Conv1d(inputs, outputs, 1, bias=False) if separable else None
        self.norm = MaskedBatchNorm(outputs, eps=EPS, momentum=MOMENTUM)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return conv_length(lengths, self.reach, self.stride, self.reach // 2)

    def forward(self, x: torch.Tensor, hidden: torch.Tensor | None, counted: torch.Tensor | None) -> torch.Tensor:
        """Convolve and normalise.

        Args:
            x: (B, C, T).
            hidden: (B,) valid frames, behind which x is set to 0 first. None reads padding as speech and pads the batch as
                TensorFlow's "same" does, by its length.
            counted: (B,) valid frames of x that batch statistics are taken from; None counts padding too.
        """
        if hidden is None:
            x = self.conv(pad_same(x, (self.reach,), (self.stride,)))
        else:
            x = x.masked_fill(~length_mask(hidden, x.shape[2])[:, None], 0.0)
            x = nn.functional.conv1d(x, self.conv.weight, None, self.conv.stride, self.reach // 2, self.conv.dilation, self.conv.groups)
        if self.pointwise is not None:
            x = self.pointwise(x)
        normed: torch.Tensor = self.norm(x, None if counted is None else self.output_lengths(counted))
        return normed
