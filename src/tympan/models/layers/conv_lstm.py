"""A bidirectional LSTM whose state keeps the bands: each sees only itself and its neighbours, with weights that all bands share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tympan.models.layers.lengths import length_mask
from tympan.models.layers.recurrent import onnx_operator

GATES = 4


class ConvLSTM(nn.Module):
    """(B, C, T, F) -> (B, 2 channels, T, F), the forward direction's channels before the backward one's.

    The gates are convolutions over the bands of input and state. Along the time that is an LSTM over C F numbers whose matrices are
    banded, so the matrices are written out and given to the LSTM that torch and ONNX Runtime have: more products than the convolutions
    need, but no Python between two frames, and an ONNX graph of one node.

    Args:
        inputs: C.
        channels: of the state of each direction.
        bands: F.
        kernel: bands that a band sees, odd.

    Source: Shi et al. 2015, arXiv:1506.04214, equation 3, without peepholes; over bands alone as Zhang, Chan and Jaitly 2016,
    arXiv:1610.03022, section 2.4.
    """

    shifts: torch.Tensor

    def __init__(self, inputs: int, channels: int, bands: int, kernel: int = 3) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0 or min(inputs, channels, bands) < 1:
            raise ValueError(f"kernel {kernel} must be odd, and channels {channels} and bands {bands} at least 1")
        self.channels, self.bands = channels, bands
        bound = (channels * kernel) ** -0.5
        shapes = ((2, GATES * channels, inputs, kernel), (2, GATES * channels, channels, kernel), (2, GATES * channels))
        self.input_kernel, self.state_kernel, self.bias = (nn.Parameter(torch.empty(shape).uniform_(-bound, bound)) for shape in shapes)
        self.register_buffer("shifts", neighbours(bands, kernel), persistent=False)

    def matrices(self) -> list[list[torch.Tensor]]:
        """For each direction the LSTM's four weights: (4 H, C F), (4 H, H), (4 H,), (4 H,), H = channels F."""
        found = []
        for own, state, bias in zip(self.input_kernel, self.state_kernel, self.bias, strict=True):
            full = bias[:, None].expand(-1, self.bands).reshape(-1)
            found.append([self.written_out(own), self.written_out(state), full, torch.zeros_like(full)])
        return found

    def written_out(self, kernel: torch.Tensor) -> torch.Tensor:
        """(4 channels, C, K) -> (4 channels F, C F), so that the product is the convolution."""
        matrix = torch.einsum("gck,kof->gocf", kernel, self.shifts.to(kernel.dtype))
        return matrix.reshape(kernel.shape[0] * self.bands, -1)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, C, T, F) and valid frames (B,), 0 allowed -> (B, 2 channels, T, F), zero past the lengths."""
        frames = x.shape[2]
        flat = x.transpose(1, 2).flatten(2)  # (B, T, C F)
        hidden = self.channels * self.bands
        if torch.onnx.is_in_onnx_export():
            lstm: Any = SimpleNamespace(hidden_size=hidden, bidirectional=True, all_weights=self.matrices())
            y = onnx_operator(lstm, flat, lengths)
        else:
            packed = pack_padded_sequence(flat, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
            start = flat.new_zeros(2, len(flat), hidden)
            weights = [weight.to(flat.dtype) for direction in self.matrices() for weight in direction]
            read = torch.lstm(packed.data, packed.batch_sizes, (start, start), weights, True, 1, 0.0, self.training, True)[0]
            whole = PackedSequence(read, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
            y = pad_packed_sequence(whole, batch_first=True, total_length=frames)[0]
        y = y.masked_fill(~length_mask(lengths, frames)[:, :, None], 0.0)
        return y.reshape(*y.shape[:2], 2 * self.channels, self.bands).transpose(1, 2)  # (B, T, 2 C F) -> (B, 2 C, T, F)


def neighbours(bands: int, kernel: int) -> torch.Tensor:
    """(K, F, F): 1 where band f, of the third axis, is the one that place k of a kernel over band o, of the second, falls on."""
    distance = torch.arange(bands)[None, :] - torch.arange(bands)[:, None]  # f - o
    return (distance[None] == torch.arange(kernel)[:, None, None] - kernel // 2).float()
