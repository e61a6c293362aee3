"""E-Branchformer: attention and a gated convolution side by side, merged by another convolution."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import ChunkedEncoder
from tympan.models.layers.attention import attention_bias, attention_layer
from tympan.models.layers.chunks import Chunks
from tympan.models.layers.depthwise import DepthwiseConv
from tympan.models.layers.dropout import Dropout
from tympan.models.layers.feed_forward import FeedForward
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.past import Past
from tympan.models.layers.positions import Tables, position_tables
from tympan.models.layers.subsampling import ConvSubsampling


class ConvGate(nn.Module):
    """LayerNorm - Linear - GELU - one half times the depthwise convolution of the other - Linear ("convolutional gating MLP").

    It begins as half * 1: weights of the convolution near 0, its bias 1, as in Sakuma et al. 2021, arXiv:2202.08456.
    """

    def __init__(self, dim: int, gated: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, gated)
        self.gate_norm = nn.LayerNorm(gated // 2)
        self.depthwise = DepthwiseConv(gated // 2, kernel)
        self.project = nn.Linear(gated // 2, dim)
        self.dropout = Dropout(dropout)
        nn.init.normal_(self.depthwise.weight, std=1e-6)
        nn.init.ones_(self.depthwise.bias)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, chunks: Chunks | None, past: Past | None) -> torch.Tensor:
        half, gate = nn.functional.gelu(self.expand(self.norm(x))).chunk(2, dim=-1)
        gate = self.depthwise(self.gate_norm(gate) * mask[..., None], chunks, past)
        gated: torch.Tensor = self.dropout(self.project(self.dropout(half * gate)))
        return gated


class EBranchformerBlock(nn.Module):
    """Half feed-forward - attention beside gated convolution, merged - half feed-forward - LayerNorm."""

    def __init__(
        self, dim: int, heads: int, feed_forward: int, gated: int, kernels: tuple[int, int], dropout: float, positions: str
    ) -> None:
        super().__init__()
        self.feed_forward1 = FeedForward(dim, feed_forward, dropout)
        self.attention = attention_layer(positions, dim, heads, dropout)
        self.gate = ConvGate(dim, gated, kernels[0], dropout)
        self.merge_depthwise = DepthwiseConv(2 * dim, kernels[1])
        self.merge = nn.Linear(2 * dim, dim)
        self.dropout = Dropout(dropout)
        self.feed_forward2 = FeedForward(dim, feed_forward, dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor, bias: torch.Tensor, tables: Tables, chunks: Chunks | None, past: Past | None
    ) -> torch.Tensor:
        x = x + 0.5 * self.feed_forward1(x)
        both = (
            torch.cat([self.attention(x, bias, *tables, past=past), self.gate(x, mask, chunks, past)], dim=-1) * mask[..., None]
        )  # (B, T, 2 D)
        x = x + self.dropout(self.merge(both + self.merge_depthwise(both, chunks, past)))
        x = x + 0.5 * self.feed_forward2(x)
        normed: torch.Tensor = self.norm(x)
        return normed


class EBranchformer(ChunkedEncoder):
    """Subsampling by 4 or 8 - E-Branchformer blocks - LayerNorm.

    ESPnet's large LibriSpeech model has 148.92 M parameters: this encoder with its defaults, 116,007,936, a CTC layer for 5000
    word pieces and a Transformer decoder of six layers; a test adds them up.

    Args:
        num_features: F.
        dim: D.
        layers: blocks.
        heads: of the attention.
        feed_forward: width of the feed-forward layers.
        gated: width of the convolutional gate, even; half of it is convolved.
        kernel: taps of the gate's convolution, odd.
        merge_kernel: taps of the merging convolution, odd.
        dropout: everywhere.
        positions: "relative" (Transformer-XL), as published, or "rotary".
        subsampling: 4 or 8 input frames for one encoded frame.
        left: encoded frames before its chunk that attention sees when the utterance comes in chunks.

    Source: Kim et al. 2022, arXiv:2210.00077, section 3; espnet/espnet, espnet2/asr/encoder/e_branchformer_encoder.py.
    """

    def __init__(
        self,
        num_features: int = 80,
        *,
        dim: int = 512,
        layers: int = 17,
        heads: int = 8,
        feed_forward: int = 1024,
        gated: int = 3072,
        kernel: int = 31,
        merge_kernel: int = 31,
        dropout: float = 0.1,
        positions: str = "relative",
        subsampling: int = 4,
        left: int = 64,
    ) -> None:
        super().__init__()
        for name, value in {"dim": dim, "layers": layers, "feed_forward": feed_forward, "gated": gated, "left": left}.items():
            if value < 1:
                raise ValueError(f"{name} {value} is not positive")
        if gated % 2:
            raise ValueError(f"gated {gated} is not even")
        self.num_features = num_features
        self.output_dim = dim
        self.heads = heads
        self.positions = positions
        self.left = left
        self.subsampling = ConvSubsampling(num_features, dim, subsampling, (dim, dim), pad_bands=False)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            EBranchformerBlock(dim, heads, feed_forward, gated, (kernel, merge_kernel), dropout, positions) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return self.subsampling.output_lengths(lengths)

    def encode(
        self, features: torch.Tensor, lengths: torch.Tensor, *, chunk_sizes: torch.Tensor | None = None, past: Past | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x, lengths = self.subsampling(features, lengths, past)
        x = self.dropout(x)
        frames = x.shape[1]
        mask = length_mask(lengths, frames)
        chunks = Chunks(chunk_sizes, frames) if chunk_sizes is not None else None
        bias = attention_bias(mask, chunks, self.left, past)
        tables = position_tables(self.positions, frames, self.output_dim, self.heads, x.device, past)
        for block in self.blocks:
            x = block(x, mask, bias, tables, chunks, past)
        normed: torch.Tensor = self.norm(x)
        return normed, lengths
