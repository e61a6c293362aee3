"""The network of the Keras CTC example on LJSpeech, "similar to DeepSpeech2", as published and corrected."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.bidirectional_gru import BidirectionalGRU
from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.same_padding import pad_same

KERNELS = ((11, 41), (11, 21))  # time x frequency
STRIDES = ((2, 2), (1, 2))
EPS, MOMENTUM = 1e-3, 0.01  # Keras' defaults for batch normalisation; it writes this momentum as 0.99


class DeepSpeech2Keras(Encoder):
    """Two convolutions with batch norm - bidirectional GRUs with dropout between; T' = ceil(T / 2).

    With `CTCHead(1024, 32, hidden=1024, activation="relu", dropout=0.5)` and 193 features: 26,628,480 weights as
    Keras counts them, 128 of which are the running statistics of the batch norms.

    `faithful=True` keeps what was published, faults included: padding enters convolutions, batch statistics and GRUs
    (C2), and padding "same" is cut to the length of the padded batch: with stride 2, an even T gets 4 frames before
    and 5 after, an odd T 5 and 5, so one more frame of padding shifts every window by one frame. Weights start as in
    Keras (Glorot, orthogonal for the recurrent ones, zero biases); those of the head do not.

    `faithful=False` takes batch statistics over valid frames, hides padding from convolutions and GRUs, and always
    pads symmetrically. The count is the same; with 80 features, as its preset has, it is 23,777,664.

    Args:
        num_features: F, bands of the front end.
        channels: of the convolutions.
        rnn_layers: bidirectional GRU layers.
        rnn_dim: units of each direction.
        dropout: between the GRUs, not after the last one.
        faithful: as published.

    Source: keras.io, "Automatic Speech Recognition using CTC", 2021.
    """

    def __init__(
        self,
        *,
        num_features: int = 193,
        channels: int = 32,
        rnn_layers: int = 5,
        rnn_dim: int = 512,
        dropout: float = 0.5,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.output_dim = 2 * rnn_dim
        self.faithful = faithful
        bands = (num_features + 3) // 4  # two strides of 2, each rounded up
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, channels, kernel, stride, bias=False)
            for inputs, kernel, stride in zip((1, channels), KERNELS, STRIDES, strict=True)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(channels, eps=EPS, momentum=MOMENTUM) for _ in KERNELS)
        self.recurrent = nn.ModuleList(
            BidirectionalGRU(channels * bands if layer == 0 else 2 * rnn_dim, rnn_dim) for layer in range(rnn_layers)
        )
        self.dropout = nn.Dropout(dropout)
        if faithful:
            self._start_as_keras()

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F) and (B,) -> encoded (B, T', D), zero past its lengths unless faithful, and lengths (B,)."""
        x = self._convolve(features, lengths)  # (B, C, T', F')
        x = x.permute(0, 2, 3, 1).flatten(2)  # (B, T', F' C): bands outside, as Keras' channels-last reshape
        encoded_lengths = self.output_lengths(lengths)
        for layer, recurrent in enumerate(self.recurrent):
            x = recurrent(x if layer == 0 else self.dropout(x), None if self.faithful else encoded_lengths)
        return x, encoded_lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2), elementwise, for both ways of padding: Keras' "same" is defined by it."""
        return conv_length(lengths, kernel=11, stride=2, padding=5)

    def _convolve(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        x = features[:, None]  # (B, 1, T, F)
        valid = lengths
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if self.faithful:
                x = norm(conv(pad_same(x, KERNELS[index], STRIDES[index])), None)
            else:
                x = x.masked_fill(~length_mask(valid, x.shape[2])[:, None, :, None], 0.0)
                time, frequency = KERNELS[index]
                x = conv(nn.functional.pad(x, (frequency // 2, frequency // 2, time // 2, time // 2)))
                valid = conv_length(valid, time, STRIDES[index][0], time // 2)
                x = norm(x, valid)
            x = torch.relu(x)
        return x

    def _start_as_keras(self) -> None:
        for name, weight in self.named_parameters():
            if "norms" in name:
                continue
            if "bias" in name:
                nn.init.zeros_(weight)
            elif "weight_hh" in name:
                nn.init.orthogonal_(weight)
            else:
                nn.init.xavier_uniform_(weight)
