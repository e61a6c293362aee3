"""The listener of Listen, Attend and Spell: bidirectional LSTMs, each of which hears half as many frames as the one below."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.dropout import Dropout
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.recurrent import Recurrent
from tympan.models.layers.stacking import stack_frames, stacked_lengths


class PyramidalBLSTM(Encoder):
    """`layers` bidirectional LSTMs, then `pyramid` more that each read two frames of the one below as one.

    T' = ceil(T / stack), then ceil(T' / 2) for each layer of the pyramid; what is missing from the last frame is zeros. With layers 1 and
    pyramid 3, as published, T' is about T / 8, and with 40 features there are 8,486,912 weights.

    Args:
        num_features: F.
        dim: units of each direction.
        layers: below the pyramid.
        pyramid: layers that halve the time.
        stack: frames of features that are read as one.
        dropout: between the layers.

    Source: Chan et al. 2015, arXiv:1508.01211, equation 5. Without pyramid and with stack 3 the encoder of Chiu et al. 2017,
    arXiv:1712.01769, section 3.1, where each frame is stacked with seven to its left.
    """

    def __init__(
        self, num_features: int = 80, *, dim: int = 256, layers: int = 1, pyramid: int = 3, stack: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if min(dim, layers, stack) < 1 or pyramid < 0:
            raise ValueError(f"dim {dim}, layers {layers} and stack {stack} must be at least 1, pyramid {pyramid} at least 0")
        self.num_features = num_features
        self.output_dim = 2 * dim
        self.steps = (stack, *[1] * (layers - 1), *[2] * pyramid)  # frames that a layer reads as one
        widths = (num_features * stack, *(2 * dim * step for step in self.steps[1:]))
        self.recurrent = nn.ModuleList(Recurrent(width, dim, kind="lstm") for width in widths)
        self.dropout = Dropout(dropout)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Elementwise, in closed form: the ceilings of divisions one after the other are that of one by the product."""
        for step in self.steps:
            lengths = stacked_lengths(lengths, step)
        return lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', 2 dim), zero past the lengths, and (B,)."""
        x = features.masked_fill(~length_mask(lengths, features.shape[1])[..., None], 0.0)
        for index, (step, layer) in enumerate(zip(self.steps, self.recurrent, strict=True)):
            x = stack_frames(x, step)  # (B, T, D) -> (B, T / step, step D)
            lengths = stacked_lengths(lengths, step)
            x = layer(self.dropout(x) if index else x, lengths)
        return x, lengths
