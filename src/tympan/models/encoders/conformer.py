"""A compact Conformer with rotary positions.

Source: Gulati et al. 2020, arXiv:2005.08100, with rotary instead of relative positions, LayerNorm instead of BatchNorm in the
convolution module (no statistics over the batch, so padding and neighbours cannot matter), and a pre-norm before the head.
The same weights run on whole utterances and chunk by chunk: chunk-masked attention as in Zhang et al. 2020, arXiv:2012.05481,
and convolutions that end at the chunk as in Li et al. 2023, arXiv:2304.09325.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.encoders.encoder import Encoder, Tap
from tympan.models.layers.chunks import Chunks
from tympan.models.layers.depthwise import DepthwiseConv
from tympan.models.layers.dropout import Dropout
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.rotary import rotary_tables, rotate
from tympan.models.layers.subsampling import ConvSubsampling


class FeedForward(nn.Sequential):
    """LayerNorm - Linear - SiLU - Linear, with dropout."""

    def __init__(self, dim: int, expansion: int, dropout: float) -> None:
        hidden = dim * expansion
        super().__init__(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.SiLU(), Dropout(dropout), nn.Linear(hidden, dim), Dropout(dropout))


class SelfAttention(nn.Module):
    """Multi-head self-attention over the valid frames of each utterance."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % (2 * heads):
            raise ValueError(f"dim {dim} is not a multiple of 2 x {heads} heads, which rotary positions need")
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        qkv = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, T, D/H)
        q, k, v = rotate(qkv[0], cos, sin), rotate(qkv[1], cos, sin), qkv[2]
        # Spelled out: on a CPU in bfloat16 the fused kernel was slower at these sizes.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, H, T, T)
        weights = torch.softmax(scores.float() + bias, dim=-1).to(v.dtype)
        context = (weights @ v).transpose(1, 2).flatten(2)  # (B, H, T, D/H) -> (B, T, D)
        attended: torch.Tensor = self.dropout(self.out(context))
        return attended


class ConvModule(nn.Module):
    """LayerNorm - pointwise GLU - depthwise - LayerNorm - SiLU - pointwise."""

    def __init__(self, dim: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, 2 * dim)
        self.depthwise = DepthwiseConv(dim, kernel)
        self.mid_norm = nn.LayerNorm(dim)
        self.project = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, chunks: Chunks | None = None) -> torch.Tensor:
        y = F.glu(self.expand(self.norm(x)), dim=-1) * mask[..., None]
        projected: torch.Tensor = self.dropout(self.project(F.silu(self.mid_norm(self.depthwise(y, chunks)))))
        return projected


class ConformerBlock(nn.Module):
    """Half feed-forward, attention, convolution, half feed-forward, LayerNorm."""

    def __init__(self, dim: int, heads: int, kernel: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.feed_forward1 = FeedForward(dim, expansion, dropout)
        self.attention = SelfAttention(dim, heads, dropout)
        self.convolution = ConvModule(dim, kernel, dropout)
        self.feed_forward2 = FeedForward(dim, expansion, dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor,
        bias: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        chunks: Chunks | None = None,
    ) -> torch.Tensor:
        x = x + 0.5 * self.feed_forward1(x)
        x = x + self.attention(x, bias, cos, sin)
        x = x + self.convolution(x, mask, chunks)
        x = x + 0.5 * self.feed_forward2(x)
        normed: torch.Tensor = self.norm(x)
        return normed


class Conformer(Encoder):
    """Subsampling by 4 or 8, then Conformer blocks.

    Args:
        num_features: F.
        dim: D.
        layers: blocks.
        heads: of the attention; dim must be a multiple of 2 x heads.
        kernel: taps of the depthwise convolution, odd.
        expansion: of the feed-forward layers.
        dropout: everywhere.
        layer_drop: probability with which the last block is skipped in training, falling linearly to 0 at the first
            (stochastic depth; 0 for none).
        subsampling: 4 or 8 input frames for one encoded frame.
        taps: blocks (from 1) after which `tap` of `forward` is called.
        left: encoded frames before its chunk that attention sees when the utterance comes in chunks.
    """

    chunked = True

    def __init__(
        self,
        num_features: int = 80,
        *,
        dim: int = 256,
        layers: int = 6,
        heads: int = 4,
        kernel: int = 15,
        expansion: int = 3,
        dropout: float = 0.1,
        layer_drop: float = 0.0,
        subsampling: int = 8,
        taps: tuple[int, ...] = (),
        left: int = 64,
    ) -> None:
        super().__init__()
        for name, value in {"dim": dim, "layers": layers, "heads": heads, "expansion": expansion, "left": left}.items():
            if value < 1:
                raise ValueError(f"{name} {value} is not positive")
        if not 0 <= layer_drop < 1:
            raise ValueError(f"layer_drop {layer_drop} is not from 0 to below 1")
        if any(not 0 < tap < layers for tap in taps):
            raise ValueError(f"taps {tuple(taps)} must lie between 1 and {layers - 1}, before the last block")
        self.num_features = num_features
        self.output_dim = dim
        self.head_dim = dim // heads
        self.taps = tuple(taps)
        self.left = left
        self.subsampling = ConvSubsampling(num_features, dim, subsampling)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(ConformerBlock(dim, heads, kernel, expansion, dropout) for _ in range(layers))
        self.layer_drops = [layer_drop * index / max(1, layers - 1) for index in range(layers)]

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return self.subsampling.output_lengths(lengths)

    def forward(
        self, features: torch.Tensor, lengths: torch.Tensor, tap: Tap | None = None, *, chunk_sizes: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> (B, T', D), (B,).

        Args:
            tap: called as tap(block, x) after each block named in `taps`, its result goes on in x's place
                (intermediate CTC and self-conditioning live there).
            chunk_sizes: (B,) encoded frames that are heard at a time, 0 for the whole utterance; None for whole utterances.
                Attention and convolutions then see nothing past the end of a frame's chunk, and attention no more than
                `left` frames before its chunk.
        """
        x, lengths = self.subsampling(features, lengths)
        x = self.dropout(x)
        mask = length_mask(lengths, x.shape[1])
        chunks = Chunks(chunk_sizes, x.shape[1]) if chunk_sizes is not None else None
        visible = mask[:, None, :] if chunks is None else mask[:, None, :] & chunks.visible(self.left)  # (B, 1 or T', T')
        bias = torch.where(visible, 0.0, -1e9)[:, None]  # finite: an utterance of no frames must not give NaN
        cos, sin = rotary_tables(x.shape[1], self.head_dim, x.device)
        for index, block in enumerate(self.blocks, start=1):
            drop = self.layer_drops[index - 1]
            if not (self.training and drop > 0 and torch.rand(()).item() < drop):
                x = block(x, mask, bias, cos, sin, chunks)
            if tap is not None and index in self.taps:
                x = tap(index, x)
        return x, lengths
