"""Depthwise convolution over time on (B, T, D)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.layers.chunks import Chunks
from tympan.models.layers.past import Past


class DepthwiseConv(nn.Module):
    """`kernel` taps a channel, centred, zero padded.

    Written as a sum of shifted products in training and for chunks: on a CPU, at such short lengths, that was faster than
    the grouped convolution, forward and backward, and it needs no transposes.
    """

    def __init__(self, dim: int, kernel: int) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel {kernel} is not odd and positive, as a centred convolution needs it")
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(kernel, dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        nn.init.uniform_(self.weight, -(kernel**-0.5), kernel**-0.5)

    def forward(self, x: torch.Tensor, chunks: Chunks | None = None, past: Past | None = None) -> torch.Tensor:
        """(B, T, D) -> (B, T, D); with `chunks`, the taps past the end of a frame's chunk count as zeros."""
        frames, half = x.shape[1], self.kernel // 2
        if not self.training and chunks is None and past is None:  # one node in the exported graph
            y = F.conv1d(x.transpose(1, 2), self.weight.t()[:, None], self.bias, padding=half, groups=x.shape[2])
            return y.transpose(1, 2)
        padded = F.pad(x, (0, 0, half, half)) if past is None else F.pad(past.end(x, half), (0, 0, 0, half))
        y = self.bias.to(x.dtype) + padded[:, :frames] * self.weight[0].to(x.dtype)
        for tap in range(1, self.kernel):
            shifted = padded[:, tap : tap + frames]
            if chunks is not None and (ahead := tap - half) > 0:
                shifted = shifted * chunks.reaches(ahead).to(x.dtype)
            y = y + shifted * self.weight[tap].to(x.dtype)
        return y
