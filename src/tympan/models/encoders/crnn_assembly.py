"""The CRNN of the AssemblyAI end-to-end speech recognition tutorial, as published and corrected."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.recurrent_block import RecurrentBlock
from tympan.models.layers.residual_conv import ResidualConv


class CRNNAssembly(Encoder):
    """Conv 3x3 stride 2 - residual blocks of two convolutions - Linear - bidirectional GRUs; T' = ceil(T / 2).

    The published network has a GELU between all parts and `CTCHead(1024, 29, hidden=512)` behind; together
    23,705,373 parameters.

    `faithful=True` keeps what was published, faults included: GRUs 2 and on run along the batch (C3), padding enters
    every layer (C2), layer norms see the bands of one channel. Then an utterance's result depends on its batch.

    `faithful=False` runs every GRU along time from the utterance's own end, hides padding from every convolution,
    and normalises over channels and bands together, with the same parameters.

    Args:
        num_features: F, bands of the front end.
        channels: of the convolutions.
        blocks: residual blocks.
        rnn_layers: bidirectional GRU layers.
        rnn_dim: units of each direction, and width of the Linear before them.
        dropout: in blocks and after each GRU.
        faithful: as published.

    Source: AssemblyAI, "Building an End-to-End Speech Recognition Model in PyTorch", 2020.
    """

    def __init__(
        self,
        *,
        num_features: int = 128,
        channels: int = 32,
        blocks: int = 3,
        rnn_layers: int = 5,
        rnn_dim: int = 512,
        dropout: float = 0.1,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.output_dim = 2 * rnn_dim
        self.faithful = faithful
        bands = (num_features + 1) // 2
        self.conv = nn.Conv2d(1, channels, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(
            ResidualConv(channels, bands, units=2, activation="gelu", dropout=dropout, norm_over_channels=not faithful)
            for _ in range(blocks)
        )
        self.project = nn.Linear(channels * bands, rnn_dim)
        self.recurrent = nn.ModuleList(
            RecurrentBlock(
                rnn_dim if layer == 0 else 2 * rnn_dim,
                rnn_dim,
                activation="gelu",
                dropout=dropout,
                batch_as_time=faithful and layer > 0,
            )
            for layer in range(rnn_layers)
        )

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F) and (B,) -> encoded (B, T', D), zero past its lengths unless faithful, and lengths (B,)."""
        encoded_lengths = self.output_lengths(lengths)
        if not self.faithful:
            features = features.masked_fill(~length_mask(lengths, features.shape[1])[:, :, None], 0.0)
        x = self.conv(features[:, None])  # (B, 1, T, F) -> (B, C, T', F')
        padding = None if self.faithful else ~length_mask(encoded_lengths, x.shape[2])[:, None, :, None]
        for block in self.blocks:
            x = block(x, padding)
        x = self.project(x.transpose(1, 2).flatten(2))  # (B, C, T', F') -> (B, T', C F') -> (B, T', rnn_dim)
        for layer in self.recurrent:
            x = layer(x, None if self.faithful else encoded_lengths)
        return x, encoded_lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2), elementwise. The published `T // 2` drops the last frame of odd T (C1)."""
        return conv_length(lengths, kernel=3, stride=2, padding=1)
