"""Conformers: a compact one with rotary positions, the published ones, and Fast Conformer.

Source: Gulati et al. 2020, arXiv:2005.08100. By default with rotary instead of relative positions, LayerNorm instead of BatchNorm
in the convolution module (no statistics over the batch, so padding and neighbours cannot matter), and subsampling of few channels.
The same weights run on whole utterances and chunk by chunk: chunk-masked attention as in Zhang et al. 2020, arXiv:2012.05481,
and convolutions that end at the chunk as in Li et al. 2023, arXiv:2304.09325.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.encoders.encoder import Encoder, Tap
from tympan.models.layers.attention import attention_bias, attention_layer
from tympan.models.layers.chunks import Chunks
from tympan.models.layers.depthwise import DepthwiseConv
from tympan.models.layers.dropout import Dropout
from tympan.models.layers.feed_forward import FeedForward
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.past import Past
from tympan.models.layers.positions import Tables, position_tables
from tympan.models.layers.separable_subsampling import SeparableSubsampling
from tympan.models.layers.subsampling import ConvSubsampling

NORMS = ("layer", "batch")
STEMS = ("compact", "wide", "separable")


def subsampling_layer(stem: str, num_features: int, dim: int, factor: int) -> ConvSubsampling | SeparableSubsampling:
    """Of few channels ("compact"), of D channels as published ("wide"), or Fast Conformer's ("separable")."""
    if stem not in STEMS:
        raise ValueError(f"stem {stem!r} is none of {', '.join(STEMS)}")
    if stem == "separable":
        return SeparableSubsampling(num_features, dim, factor)
    return ConvSubsampling(num_features, dim, factor, *([(dim, dim)] if stem == "wide" else []))


class ConvModule(nn.Module):
    """LayerNorm - pointwise GLU - depthwise - LayerNorm or batch norm over valid frames - SiLU - pointwise."""

    def __init__(self, dim: int, kernel: int, dropout: float, norm: str) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, 2 * dim)
        self.depthwise = DepthwiseConv(dim, kernel)
        self.mid_norm: nn.Module = nn.LayerNorm(dim) if norm == "layer" else MaskedBatchNorm(dim)
        self.project = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, chunks: Chunks | None = None, past: Past | None = None) -> torch.Tensor:
        y = F.glu(self.expand(self.norm(x)), dim=-1) * mask[..., None]
        y = self.depthwise(y, chunks, past)
        if isinstance(self.mid_norm, MaskedBatchNorm):
            y = self.mid_norm(y.transpose(1, 2), mask.sum(1)).transpose(1, 2)
        else:
            y = self.mid_norm(y)
        projected: torch.Tensor = self.dropout(self.project(F.silu(y)))
        return projected


class ConformerBlock(nn.Module):
    """Half feed-forward, attention, convolution, half feed-forward, LayerNorm."""

    def __init__(self, dim: int, heads: int, kernel: int, expansion: int, dropout: float, positions: str, norm: str) -> None:
        super().__init__()
        self.feed_forward1 = FeedForward(dim, dim * expansion, dropout)
        self.attention = attention_layer(positions, dim, heads, dropout)
        self.convolution = ConvModule(dim, kernel, dropout, norm)
        self.feed_forward2 = FeedForward(dim, dim * expansion, dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor,
        bias: torch.Tensor,
        tables: Tables,
        chunks: Chunks | None = None,
        past: Past | None = None,
    ) -> torch.Tensor:
        x = x + 0.5 * self.feed_forward1(x)
        x = x + self.attention(x, bias, *tables, past=past)
        x = x + self.convolution(x, mask, chunks, past)
        x = x + 0.5 * self.feed_forward2(x)
        normed: torch.Tensor = self.norm(x)
        return normed


class Conformer(Encoder):
    """Subsampling by 4 or 8, then Conformer blocks.

    As published (`positions="relative"`, `conv_norm="batch"`, `stem="wide"`, kernel 31), for CTC as in NeMo:

        dim  layers  heads  parameters with 129 outputs
        176  16      4      12,995,441    "13 M"
        256  18      4      30,538,625    "30 M"
        512  18      8      121,501,313   "121 M"

    The paper's encoders (144 and 256 wide with 16 layers, 512 with 17) have 8,713,152, 27,331,584 and 115,120,128 parameters with
    its even kernel 32; an odd one of 31, as here, has `layers` x `dim` fewer. Its totals, 10.3, 30.7 and 118.8 M, hold a decoder
    whose vocabulary it does not tell.

    Fast Conformer (Rekesh et al. 2023, arXiv:2305.05084) is `stem="separable"`, subsampling 8, kernel 9, else as published.

    The scale of sqrt(D) behind the subsampling, which NeMo and ESPnet have, is left out: the next layer learns it.

    Args:
        num_features: F.
        dim: D.
        layers: blocks.
        heads: of the attention; dim must be a multiple of heads, for rotary positions of 2 x heads.
        kernel: taps of the depthwise convolution, odd.
        expansion: of the feed-forward layers.
        dropout: everywhere.
        layer_drop: probability with which the last block is skipped in training, falling linearly to 0 at the first
            (stochastic depth; 0 for none).
        subsampling: 4 or 8 input frames for one encoded frame.
        taps: blocks (from 1) after which `tap` of `forward` is called.
        left: encoded frames before its chunk that attention sees when the utterance comes in chunks.
        positions: "rotary" or "relative" (Transformer-XL).
        conv_norm: in the convolution module, "layer" or "batch" (statistics over valid frames).
        stem: subsampling of few channels ("compact"), of D ("wide"), or separable with 256.
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
        positions: str = "rotary",
        conv_norm: str = "layer",
        stem: str = "compact",
    ) -> None:
        super().__init__()
        for name, value in {"dim": dim, "layers": layers, "heads": heads, "expansion": expansion, "left": left}.items():
            if value < 1:
                raise ValueError(f"{name} {value} is not positive")
        if not 0 <= layer_drop < 1:
            raise ValueError(f"layer_drop {layer_drop} is not from 0 to below 1")
        if any(not 0 < tap < layers for tap in taps):
            raise ValueError(f"taps {tuple(taps)} must lie between 1 and {layers - 1}, before the last block")
        if conv_norm not in NORMS:
            raise ValueError(f"conv_norm {conv_norm!r} is none of {', '.join(NORMS)}")
        self.num_features = num_features
        self.output_dim = dim
        self.heads = heads
        self.positions = positions
        self.taps = tuple(taps)
        self.left = left
        self.subsampling = subsampling_layer(stem, num_features, dim, subsampling)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(ConformerBlock(dim, heads, kernel, expansion, dropout, positions, conv_norm) for _ in range(layers))
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
        return self.encode(features, lengths, tap, chunk_sizes=chunk_sizes)

    def step(self, features: torch.Tensor, lengths: torch.Tensor, past: Past, tap: Tap | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        return self.encode(features, lengths, tap, past=past)

    def encode(
        self,
        features: torch.Tensor,
        lengths: torch.Tensor,
        tap: Tap | None,
        *,
        chunk_sizes: torch.Tensor | None = None,
        past: Past | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward`, and with `past` `step`."""
        x, lengths = self.subsampling(features, lengths, past)
        x = self.dropout(x)
        frames = x.shape[1]
        mask = length_mask(lengths, frames)
        chunks = Chunks(chunk_sizes, frames) if chunk_sizes is not None else None
        bias = attention_bias(mask, chunks, self.left, past)
        tables = position_tables(self.positions, frames, self.output_dim, self.heads, x.device, past)
        for index, block in enumerate(self.blocks, start=1):
            drop = self.layer_drops[index - 1]
            if not (self.training and drop > 0 and torch.rand(()).item() < drop):
                x = block(x, mask, bias, tables, chunks, past)
            if tap is not None and index in self.taps:
                x = tap(index, x)
        return x, lengths
