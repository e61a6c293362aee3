"""Dropout whose random bits are cheap on a CPU."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """Dropout with probability p rounded to 1/256.

    torch draws a number for each element on the CPU, which was a large part of a Conformer's training step; here one 64-bit
    draw serves eight elements. Other devices use torch's own.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 255 / 256:
            raise ValueError(f"dropout {p} is not a probability from 0 to 255/256")
        self.p = p
        self.threshold = round(p * 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.threshold == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        count = x.numel()
        draws = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None)  # all 64 bits
        keep = draws.view(torch.uint8)[:count].view(x.shape) >= self.threshold
        return x * keep * (256 / (256 - self.threshold))

    def extra_repr(self) -> str:
        return f"p={self.p}"
