"""A plain Transformer encoder with relative or rotary positions."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import ChunkedEncoder
from tympan.models.layers.attention import attention_bias, attention_layer
from tympan.models.layers.chunks import Chunks
from tympan.models.layers.dropout import Dropout
from tympan.models.layers.feed_forward import FeedForward
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.past import Past
from tympan.models.layers.positions import position_tables
from tympan.models.layers.subsampling import ConvSubsampling


class Transformer(ChunkedEncoder):
    """Subsampling by 4 or 8 - blocks of attention and feed-forward layer, each normalised before - LayerNorm.

    As in ESPnet and WeNet, but for the positions: theirs are absolute sinusoids added to the input, for which no utterance
    may be longer than those of the training.

    Args:
        num_features: F.
        dim: D.
        layers: blocks.
        heads: of the attention.
        feed_forward: width of the feed-forward layers.
        dropout: everywhere.
        positions: "relative" (Transformer-XL) or "rotary".
        subsampling: 4 or 8 input frames for one encoded frame.
        left: encoded frames before its chunk that attention sees when the utterance comes in chunks.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Dong et al. 2018, "Speech-Transformer"; dimensions as in WeNet's and ESPnet's
    recipes.
    """

    def __init__(
        self,
        num_features: int = 80,
        *,
        dim: int = 256,
        layers: int = 12,
        heads: int = 4,
        feed_forward: int = 2048,
        dropout: float = 0.1,
        positions: str = "relative",
        subsampling: int = 4,
        left: int = 64,
    ) -> None:
        super().__init__()
        for name, value in {"dim": dim, "layers": layers, "feed_forward": feed_forward, "left": left}.items():
            if value < 1:
                raise ValueError(f"{name} {value} is not positive")
        self.num_features = num_features
        self.output_dim = dim
        self.heads = heads
        self.positions = positions
        self.left = left
        self.subsampling = ConvSubsampling(num_features, dim, subsampling, (dim, dim))
        self.dropout = Dropout(dropout)
        self.attentions = nn.ModuleList(attention_layer(positions, dim, heads, dropout) for _ in range(layers))
        self.feed_forwards = nn.ModuleList(FeedForward(dim, feed_forward, dropout, nn.ReLU) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return self.subsampling.output_lengths(lengths)

    def encode(
        self, features: torch.Tensor, lengths: torch.Tensor, *, chunk_sizes: torch.Tensor | None = None, past: Past | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x, lengths = self.subsampling(features, lengths, past)
        x = self.dropout(x)
        frames = x.shape[1]
        chunks = Chunks(chunk_sizes, frames) if chunk_sizes is not None else None
        bias = attention_bias(length_mask(lengths, frames), chunks, self.left, past)
        tables = position_tables(self.positions, frames, self.output_dim, self.heads, x.device, past)
        for attention, feed_forward in zip(self.attentions, self.feed_forwards, strict=True):
            x = x + attention(x, bias, *tables, past=past)
            x = x + feed_forward(x)
        normed: torch.Tensor = self.norm(x)
        return normed, lengths
