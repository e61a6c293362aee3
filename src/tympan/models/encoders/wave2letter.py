"""Wave2Letter+: a plain stack of nineteen 1-D convolutions."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.conv_norm import ConvNorm

# kernel, channels, dropout; `repeat` layers of each
TABLE = ((11, 256, 0.2), (13, 384, 0.2), (17, 512, 0.2), (21, 640, 0.3), (25, 768, 0.3))
FIRST = (11, 256, 0.2)  # stride 2
DILATED = (29, 896, 0.4)  # dilation 2
LAST = (1, 1024, 0.4)
CEILING = 20.0  # of the rectifiers


class Wave2Letter(Encoder):
    """Convolutions, each with batch norm, a rectifier clipped at 20 and dropout; the first with stride 2, T' = ceil(T / 2).

    With 64 features and `CTCHead(1024, 29)` 106,496,285 parameters.

    `faithful=True` keeps what was published: padding enters convolutions and batch statistics (C2), and padding "same" follows
    the length of the padded batch, so that one more frame of padding can shift the windows of the first layer by one frame.

    Args:
        num_features: F.
        repeat: layers of each row of the table.
        groups: rows of the table, up to 5.
        width: factor on all channels.
        dropout: factor on the dropout of the table, not a probability; 0 for none.
        faithful: as published.

    Source: NVIDIA/OpenSeq2Seq, example_configs/speech2text/w2lplus_large_8gpus_mp.py, after Collobert et al. 2016, arXiv:1609.03193.
    """

    def __init__(
        self,
        num_features: int = 64,
        *,
        repeat: int = 3,
        groups: int = 5,
        width: float = 1.0,
        dropout: float = 1.0,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        if repeat < 1 or not 1 <= groups <= len(TABLE) or not width > 0 or not 0 <= dropout <= 2:
            raise ValueError(
                f"repeat {repeat} must be positive, groups {groups} from 1 to {len(TABLE)}, width {width} positive and "
                f"dropout {dropout} from 0 to 2"
            )
        self.num_features = num_features
        self.faithful = faithful
        self.layers = nn.ModuleList()
        self.dropouts = nn.ModuleList()
        inputs = num_features
        for kernel, channels, published in (FIRST, *(row for row in TABLE[:groups] for _ in range(repeat)), DILATED, LAST):
            first, dilated = not self.layers, kernel == DILATED[0]
            outputs = round(channels * width)
            self.layers.append(ConvNorm(inputs, outputs, kernel, stride=2 if first else 1, dilation=2 if dilated else 1))
            self.dropouts.append(nn.Dropout(published * dropout))
            inputs = outputs
        self.output_dim = inputs

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = self.layers[0].output_lengths(lengths)  # type: ignore[operator]
        return first

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,)."""
        x = features.transpose(1, 2)  # (B, F, T)
        valid = lengths
        for layer, dropout in zip(self.layers, self.dropouts, strict=True):
            heard = None if self.faithful else valid
            x = dropout(layer(x, heard, heard).clamp(0.0, CEILING))
            valid = layer.output_lengths(valid)  # type: ignore[operator]
        return x.transpose(1, 2), self.output_lengths(lengths)
