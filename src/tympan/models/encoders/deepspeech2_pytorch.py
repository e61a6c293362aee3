"""Deep Speech 2 as in the repository deepspeech.pytorch: directions that are summed, sequence-wise batch norm, look-ahead."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.lengths import conv_length, length_mask
from tympan.models.layers.lookahead import Lookahead
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.recurrent import Recurrent

KERNELS = ((11, 41), (11, 21))  # time x frequency
STRIDES = ((2, 2), (1, 2))
CEILING = 20.0  # of the rectifiers


class DeepSpeech2PyTorch(Encoder):
    """Two convolutions with batch norm - recurrent layers with batch norm between - batch norm; T' = ceil(T / 2).

    With 161 features and `CTCHead(1024, 29, bias=False)`, all trained weights (128 + 5 x 2048 running statistics beside them):

        rnn   bidirectional  lookahead  parameters
        lstm  yes            0          86,618,400
        gru   yes            0          65,036,576
        lstm  no             20         43,475,232    hears 19 frames of 20 ms ahead, and what the convolutions see

    Batch norm is sequence-wise: statistics over all frames of the batch. `faithful=True` counts padded frames in them, as
    published (C2); convolutions and recurrent layers never see padding in either.

    Args:
        num_features: F.
        channels: of the convolutions.
        rnn: "lstm" or "gru".
        rnn_layers: recurrent layers.
        rnn_dim: units of each direction.
        bidirectional: with two directions.
        merge: "sum" adds the directions, as published, "concat" puts them side by side.
        lookahead: frames that each encoded frame is a weighted sum of, itself the first, for one direction; 0 for none.
        dropout: between the recurrent layers; published without.
        faithful: as published.

    Source: SeanNaren/deepspeech.pytorch, deepspeech_pytorch/model.py, after Amodei et al. 2015, arXiv:1512.02595.
    """

    def __init__(
        self,
        num_features: int = 161,
        *,
        channels: int = 32,
        rnn: str = "lstm",
        rnn_layers: int = 5,
        rnn_dim: int = 1024,
        bidirectional: bool = True,
        merge: str = "sum",
        lookahead: int = 0,
        dropout: float = 0.0,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        if rnn_layers < 1 or lookahead < 0 or (lookahead and bidirectional):
            raise ValueError(f"rnn_layers {rnn_layers} must be positive, and lookahead {lookahead} goes with bidirectional: false")
        self.num_features = num_features
        self.faithful = faithful
        bands = (num_features + 3) // 4  # two strides of 2, each rounded up
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, channels, kernel, stride, (kernel[0] // 2, kernel[1] // 2))
            for inputs, kernel, stride in zip((1, channels), KERNELS, STRIDES, strict=True)
        )
        self.conv_norms = nn.ModuleList(MaskedBatchNorm(channels) for _ in KERNELS)
        self.recurrent = nn.ModuleList()
        width = channels * bands
        for _ in range(rnn_layers):
            layer = Recurrent(width, rnn_dim, kind=rnn, bidirectional=bidirectional, merge=merge)
            self.recurrent.append(layer)
            width = layer.output_dim
        self.norms = nn.ModuleList(MaskedBatchNorm(width) for _ in range(rnn_layers))  # behind each layer; the last belongs to the head
        self.lookahead = Lookahead(width, lookahead) if lookahead else None
        self.dropout = nn.Dropout(dropout)
        self.output_dim = width

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2), elementwise."""
        return conv_length(lengths, kernel=11, stride=2, padding=5)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,)."""
        x = self._convolve(features, lengths)  # (B, C, T', F')
        lengths = self.output_lengths(lengths)
        x = x.transpose(1, 2).flatten(2)  # (B, T', C F')
        last = len(self.recurrent) - 1
        for index, (layer, norm) in enumerate(zip(self.recurrent, self.norms, strict=True)):
            x = layer(x, lengths)
            if index == last and self.lookahead is not None:
                x = self.lookahead(x).clamp(0.0, CEILING)
                x = x.masked_fill(~length_mask(lengths, x.shape[1])[..., None], 0.0)
            x = norm(x.transpose(1, 2), None if self.faithful else lengths).transpose(1, 2)
            x = x if index == last else self.dropout(x)
        return x, lengths

    def _convolve(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        x = features[:, None]  # (B, 1, T, F)
        for conv, norm, kernel, stride in zip(self.convs, self.conv_norms, KERNELS, STRIDES, strict=True):
            x = conv(hide(x, lengths))
            lengths = conv_length(lengths, kernel[0], stride[0], kernel[0] // 2)
            x = norm(hide(x, lengths), None if self.faithful else lengths).clamp(0.0, CEILING)
        return x


def hide(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, C, T, F) with the frames past each length set to 0."""
    return x.masked_fill(~length_mask(lengths, x.shape[2])[:, None, :, None], 0.0)
