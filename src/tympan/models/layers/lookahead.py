"""The look-ahead convolution: what a unidirectional network may know of the next frames."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Lookahead(nn.Module):
    """Each channel's weighted sum over a frame and the `taps` - 1 frames after it; (B, T, D) stays (B, T, D).

    Frames past an utterance's end must be zero.

    Source: Wang et al. 2016, "Lookahead Convolution Layer for Unidirectional Recurrent Neural Networks"; without bias, as in
    SeanNaren/deepspeech.pytorch.
    """

    def __init__(self, dim: int, taps: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(dim, dim, taps, groups=dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ahead = self.conv.kernel_size[0] - 1
        weighted: torch.Tensor = self.conv(F.pad(x.transpose(1, 2), (0, ahead)))
        return weighted.transpose(1, 2)
