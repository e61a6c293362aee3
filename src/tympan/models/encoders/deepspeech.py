"""DeepSpeech 0.9: dense layers over a window of cepstra, one unidirectional LSTM, one dense layer."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.recurrent import Recurrent


class DeepSpeech(Encoder):
    """Three dense layers - LSTM - dense layer, all of width `dim`, rectifiers clipped at 20; T' = T.

    With 26 features and `CTCHead(2048, 29)` 47,224,861 parameters: the LSTM has one bias, as TensorFlow's. With `biases=2`,
    as cuDNN's, which the training used on GPUs, 47,233,053.

    A frame hears everything before it and `context` frames after it: 9 frames of 20 ms, 180 ms.

    This is not the network of the paper Deep Speech (arXiv:1412.5567), whose fourth layer is a bidirectional recurrent one
    without gates.

    Args:
        num_features: F.
        context: frames before and after each that the first layer sees with it.
        dim: width of the layers.
        ceiling: of the rectifiers.
        dropout: behind each dense layer.
        biases: of the LSTM, 1 or 2.

    Source: mozilla/DeepSpeech 0.9, training/deepspeech_training/train.py, create_model.
    """

    def __init__(
        self,
        num_features: int = 26,
        *,
        context: int = 9,
        dim: int = 2048,
        ceiling: float = 20.0,
        dropout: float = 0.05,
        biases: int = 1,
    ) -> None:
        super().__init__()
        if context < 0 or dim < 1 or not ceiling > 0 or biases not in (1, 2):
            raise ValueError(f"context {context} must be at least 0, dim {dim} and ceiling {ceiling} positive, biases {biases} 1 or 2")
        self.num_features = num_features
        self.output_dim = dim
        self.context = context
        self.ceiling = ceiling
        window = (2 * context + 1) * num_features
        self.before = nn.ModuleList(nn.Linear(window if index == 0 else dim, dim) for index in range(3))
        self.recurrent = Recurrent(dim, dim, kind="lstm", bidirectional=False, biases=1 if biases == 1 else 2)
        self.after = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        for layer in (*self.before, self.after):  # as published; torch's own would make each layer's result smaller than the last's
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T: nothing is subsampled."""
        return lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T, D), (B,)."""
        frames = features.shape[1]
        features = features.masked_fill(~length_mask(lengths, frames)[..., None], 0.0)
        padded = nn.functional.pad(features, (0, 0, self.context, self.context))
        x = torch.cat([padded[:, shift : shift + frames] for shift in range(2 * self.context + 1)], dim=2)  # (B, T, 19 F)
        for layer in self.before:
            x = self._rectify(layer(x))
        x = self._rectify(self.after(self.recurrent(x, lengths)))
        return x, lengths

    def _rectify(self, x: torch.Tensor) -> torch.Tensor:
        dropped: torch.Tensor = self.dropout(x.clamp(0.0, self.ceiling))
        return dropped
