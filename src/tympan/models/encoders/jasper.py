"""Jasper DR: ten blocks of five convolutions, each block fed by the inputs of all blocks before it."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.jasper_block import JasperBlock

# kernel, channels, dropout; `blocks` blocks of each
TABLE = ((11, 256, 0.2), (13, 384, 0.2), (17, 512, 0.2), (21, 640, 0.3), (25, 768, 0.3))
FIRST = (11, 256, 0.2)  # stride 2
DILATED = (29, 896, 0.4)  # dilation 2
LAST = (1, 1024, 0.4)


class Jasper(Encoder):
    """Conv stride 2 - `groups` x `blocks` blocks of `repeat` convolutions - a dilated one - 1x1; T' = ceil(T / 2).

    With 64 features and `CTCHead(1024, 29)` 332,632,349 parameters; the paper says 333 M. "DR", dense residual: block n adds
    projections of the inputs of the blocks 1 to n. `dense=False` adds only its own input's: 322,286,877.

    `faithful=True` takes batch statistics over padding, as published; padding is hidden from convolutions in both.

    Args:
        num_features: F.
        repeat: convolutions in a block.
        blocks: blocks of each row of the table, 2 for "10x5".
        groups: rows of the table, up to 5.
        width: factor on all channels.
        dropout: factor on the dropout of the table, not a probability; 0 for none.
        dense: residuals from all earlier blocks.
        faithful: as published.

    Source: Li et al. 2019, arXiv:1904.03288, table 1 and figure 3; NVIDIA/NeMo, examples/asr/conf/jasper/jasper_10x5dr.yaml.
    """

    def __init__(
        self,
        num_features: int = 64,
        *,
        repeat: int = 5,
        blocks: int = 2,
        groups: int = 5,
        width: float = 1.0,
        dropout: float = 1.0,
        dense: bool = True,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        check_table(repeat, blocks, groups, width, dropout)

        def block(inputs: int, row: tuple[int, int, float], **options: object) -> JasperBlock:
            kernel, channels, published = row
            return JasperBlock(inputs, round(channels * width), kernel, dropout=published * dropout, **options)  # type: ignore[arg-type]

        self.num_features = num_features
        self.dense, self.faithful = dense, faithful
        self.first = block(num_features, FIRST, stride=2)
        inputs = round(FIRST[1] * width)
        sources: list[int] = []
        self.blocks = nn.ModuleList()
        for row in TABLE[:groups]:
            for _ in range(blocks):
                sources = [*sources, inputs] if dense else [inputs]
                self.blocks.append(block(inputs, row, repeat=repeat, residuals=sources))
                inputs = round(row[1] * width)
        self.dilated = block(inputs, DILATED, dilation=2)
        self.last = block(round(DILATED[1] * width), LAST)
        self.output_dim = round(LAST[1] * width)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return self.first.output_lengths(lengths)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,)."""
        x = self.first(features.transpose(1, 2), lengths, faithful=self.faithful)  # (B, F, T) -> (B, C, T')
        lengths = self.output_lengths(lengths)
        sources: list[torch.Tensor] = []
        for block in self.blocks:
            sources = [*sources, x] if self.dense else [x]
            x = block(x, lengths, sources, faithful=self.faithful)
        for block in (self.dilated, self.last):
            x = block(x, lengths, faithful=self.faithful)
        return x.transpose(1, 2), lengths


def check_table(repeat: int, blocks: int, groups: int, width: float, dropout: float) -> None:
    """ValueError names the first option that no network can be built from."""
    for name, value in {"repeat": repeat, "blocks": blocks}.items():
        if value < 1:
            raise ValueError(f"{name} {value} is not positive")
    if not 1 <= groups <= len(TABLE):
        raise ValueError(f"groups {groups} is not from 1 to {len(TABLE)}")
    if not width > 0:
        raise ValueError(f"width {width} is not positive")
    if not 0 <= dropout <= 2:
        raise ValueError(f"dropout {dropout} is not from 0 to 2")
