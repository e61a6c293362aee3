"""Fast Conformer's subsampling: separable convolutions, which make a factor of 8 cheap."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.past import Past
from tympan.models.layers.subsampling import strided

KERNEL, STRIDE, PADDING = 3, 2, 1


class SeparableSubsampling(nn.Module):
    """Conv2d stride 2, then [depthwise Conv2d stride 2 - pointwise] once or twice, each with ReLU, over time and bands; Linear.

    Args:
        num_features: F.
        dim: D of the result.
        factor: 4 or 8.
        channels: of all convolutions.

    Source: Rekesh et al. 2023, arXiv:2305.05084, section 2.1; NVIDIA/NeMo, `dw_striding`.
    """

    def __init__(self, num_features: int, dim: int, factor: int = 8, channels: int = 256) -> None:
        super().__init__()
        if factor not in (4, 8):
            raise ValueError(f"subsampling {factor} is not 4 or 8")
        self.first = nn.Conv2d(1, channels, KERNEL, STRIDE, PADDING)
        self.rest = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, KERNEL, STRIDE, PADDING, groups=channels),
                nn.Conv2d(channels, channels, 1),
            )
            for _ in range({4: 1, 8: 2}[factor])
        )
        bands = -(-num_features // factor)
        self.project = nn.Linear(channels * bands, dim)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        for _ in range(1 + len(self.rest)):
            lengths = conv_length(lengths, KERNEL, STRIDE, PADDING)
        return lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,). Padding is zeroed before each convolution, so it is never seen.

        With `past`, T is a multiple of the factor.
        """
        x = features[:, None]  # (B, 1, T, F)
        for first, *pointwise in ((self.first,), *self.rest):
            x = x.masked_fill(~length_mask(lengths, x.shape[2])[:, None, :, None], 0.0)
            x = first(x) if past is None else strided(first, past.end(x, PADDING, 2))  # (B, C, T/2, F/2)
            for conv in pointwise:
                x = conv(x)
            x = torch.relu(x)
            lengths = conv_length(lengths, KERNEL, STRIDE, PADDING)
        return self.project(x.transpose(1, 2).flatten(2)), lengths  # (B, C, T', F') -> (B, T', C F')
