"""QuartzNet: Jasper with separable convolutions."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.encoders.jasper import check_table
from tympan.models.layers.jasper_block import JasperBlock

TABLE = ((33, 256), (39, 256), (51, 512), (63, 512), (75, 512))  # kernel, channels; `blocks` blocks of each
FIRST = (33, 256)  # stride 2
DILATED = (87, 512)  # dilation 2
LAST = (1, 1024)


class QuartzNet(Encoder):
    """Separable conv stride 2 - 5 x `blocks` blocks of `repeat` separable convolutions - a dilated one - 1x1; T' = ceil(T / 2).

    With 64 features and `CTCHead(1024, 29)`: 15x5 (`blocks=3`) 18,924,381 parameters, 10x5 12,818,781, 5x5 6,713,181; the paper
    says 18.9, 12.8 and 6.7 M.

    `faithful=True` takes batch statistics over padding, as published; padding is hidden from convolutions in both.

    Args:
        num_features: F.
        repeat: convolutions in a block.
        blocks: blocks of each row of the table: 3, 2 and 1 are published.
        groups: rows of the table, up to 5.
        width: factor on all channels.
        dropout: behind each ReLU; published without.
        faithful: as published.

    Source: Kriman et al. 2019, arXiv:1910.10261, table 1; NVIDIA/NeMo, examples/asr/conf/quartznet/quartznet_15x5.yaml.
    """

    def __init__(
        self,
        num_features: int = 64,
        *,
        repeat: int = 5,
        blocks: int = 3,
        groups: int = 5,
        width: float = 1.0,
        dropout: float = 0.0,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        check_table(repeat, blocks, groups, width, 0.0)

        def scaled(row: tuple[int, int]) -> tuple[int, int]:
            return round(row[1] * width), row[0]

        self.num_features = num_features
        self.faithful = faithful
        self.first = JasperBlock(num_features, *scaled(FIRST), dropout=dropout, separable=True, stride=2)
        inputs = scaled(FIRST)[0]
        self.blocks = nn.ModuleList()
        for row in TABLE[:groups]:
            for _ in range(blocks):
                self.blocks.append(JasperBlock(inputs, *scaled(row), repeat=repeat, dropout=dropout, separable=True, residuals=[inputs]))
                inputs = scaled(row)[0]
        self.dilated = JasperBlock(inputs, *scaled(DILATED), dropout=dropout, separable=True, dilation=2)
        self.last = JasperBlock(scaled(DILATED)[0], *scaled(LAST), dropout=dropout)
        self.output_dim = scaled(LAST)[0]

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return self.first.output_lengths(lengths)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,)."""
        x = self.first(features.transpose(1, 2), lengths, faithful=self.faithful)  # (B, F, T) -> (B, C, T')
        lengths = self.output_lengths(lengths)
        for block in self.blocks:
            x = block(x, lengths, [x], faithful=self.faithful)
        for block in (self.dilated, self.last):
            x = block(x, lengths, faithful=self.faithful)
        return x.transpose(1, 2), lengths
