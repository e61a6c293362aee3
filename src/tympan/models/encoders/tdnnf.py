"""Kaldi's factored TDNN: time-delay layers whose matrices are products of a semi-orthogonal one and another."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.semi_orthogonal import SemiOrthogonal

SUBSAMPLING = 3
EPS = 1e-3  # Kaldi's, of batch norm without gain and bias


class FactoredLayer(nn.Module):
    """Bottleneck over a frame and its left neighbour - affine over a frame and its right neighbour - ReLU - norm, plus the input.

    Args:
        dim: D, of input and output.
        bottleneck: width between the two matrices.
        taps: 2, or 1 without the neighbours.
        bypass: what the input is multiplied by before it is added.
        dropout: behind the norm.
    """

    def __init__(self, dim: int, bottleneck: int, taps: int, bypass: float, dropout: float) -> None:
        super().__init__()
        self.taps = taps
        self.bypass = bypass
        self.linear = SemiOrthogonal(dim, bottleneck, taps)
        self.affine = nn.Conv1d(bottleneck, dim, taps)
        self.norm = MaskedBatchNorm(dim, eps=EPS, affine=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, D, T), zero past `lengths` (B,), stays that."""
        padding = ~length_mask(lengths, x.shape[2])[:, None]
        narrow = self.linear(F.pad(x, (self.taps - 1, 0))).masked_fill(padding, 0.0)
        y = self.affine(F.pad(narrow, (0, self.taps - 1))).relu()
        y = self.dropout(self.norm(y, lengths)) + self.bypass * x
        masked: torch.Tensor = y.masked_fill(padding, 0.0)
        return masked


class TDNNF(Encoder):
    """An affine layer over three frames - factored layers, every third frame from the middle on - a linear layer; T' = ceil(T / 3).

    Kaldi's numbers of parameters also hold 100 i-vector inputs and a second output branch, which this network does not have.
    With them added, counts are Kaldi's: 18,702,628 for Switchboard's 7q (`layers=14`, 160 wide, 6034 outputs), 5,210,944 for
    mini-LibriSpeech's 1j. The 22,623,456 that LibriSpeech's run_tdnn_1d.sh names cannot be had with any number of outputs
    from the network that it describes (`layers=16`).

    Kaldi repeats the first and last frame outside of an utterance; here there are zeros. Its layers of stride 3 behind the
    subsampling are layers of stride 1 on every third frame.

    Args:
        num_features: F.
        dim: width of the layers.
        bottleneck: width between a layer's two matrices.
        layers: factored layers, the first three on all frames; the fourth has no neighbours.
        prefinal: width of the result.
        bypass: what a layer's input is multiplied by before it is added: 0.66, or 0.75 in LibriSpeech's recipe.
        dropout: behind each norm. Kaldi's is on in the middle of a training only.
        constrain_every: optimiser steps from one step towards semi-orthogonal matrices to the next.

    Source: Povey et al. 2018, "Semi-Orthogonal Low-Rank Matrix Factorization for Deep Neural Networks"; kaldi-asr/kaldi,
    egs/swbd/s5c/local/chain/tuning/run_tdnn_7q.sh and egs/librispeech/s5/local/chain/tuning/run_tdnn_1d.sh.
    """

    def __init__(
        self,
        num_features: int = 80,
        *,
        dim: int = 1536,
        bottleneck: int = 160,
        layers: int = 14,
        prefinal: int = 256,
        bypass: float = 0.66,
        dropout: float = 0.0,
        constrain_every: int = 4,
    ) -> None:
        super().__init__()
        if layers < 4 or constrain_every < 1 or min(dim, bottleneck, prefinal) < 1:
            raise ValueError(
                f"layers {layers} must be at least 4, constrain_every {constrain_every}, dim {dim}, bottleneck {bottleneck} and "
                f"prefinal {prefinal} positive"
            )
        self.num_features = num_features
        self.output_dim = prefinal
        self.constrain_every = constrain_every
        self.first = nn.Conv1d(num_features, dim, 3, padding=1)
        self.first_norm = MaskedBatchNorm(dim, eps=EPS, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(FactoredLayer(dim, bottleneck, 1 if index == 3 else 2, bypass, dropout) for index in range(layers))
        self.narrow = SemiOrthogonal(dim, prefinal)
        self.wide = nn.Conv1d(prefinal, dim, 1)
        self.wide_norm = MaskedBatchNorm(dim, eps=EPS, affine=False)
        self.last = SemiOrthogonal(dim, prefinal)
        self.last_norm = MaskedBatchNorm(prefinal, eps=EPS, affine=False)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return torch.div(lengths + SUBSAMPLING - 1, SUBSAMPLING, rounding_mode="floor")

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,)."""
        mask = length_mask(lengths, features.shape[1])
        x = self.first(features.masked_fill(~mask[..., None], 0.0).transpose(1, 2)).relu()  # (B, F, T) -> (B, D, T)
        x = self.dropout(self.first_norm(x, lengths)).masked_fill(~mask[:, None], 0.0)
        for index, layer in enumerate(self.layers):
            if index == 3:
                x, lengths = x[..., ::SUBSAMPLING], self.output_lengths(lengths)  # (B, D, T')
            x = layer(x, lengths)
        x = self.wide_norm(self.wide(self.narrow(x)).relu(), lengths)
        return self.last_norm(self.last(x), lengths).transpose(1, 2), lengths

    def after_step(self, step: int) -> None:
        """Every `constrain_every` optimiser steps, one step of all semi-orthogonal layers towards their constraint."""
        if step % self.constrain_every == 0:
            for layer in self.modules():
                if isinstance(layer, SemiOrthogonal):
                    layer.constrain()
