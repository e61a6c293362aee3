"""One bidirectional GRU layer that reads each utterance of a padded batch as if it were alone."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tympan.models.layers.gru import gru
from tympan.models.layers.lengths import length_mask


class BidirectionalGRU(nn.Module):
    """(B, T, D) -> (B, T, 2 * hidden), both directions concatenated.

    With lengths, the backward direction starts at each utterance's own last frame and frames past it are zero. In
    training and eager use the batch is packed. In an ONNX export the layer becomes the ONNX operator GRU with its
    input `sequence_lens`, so that padded batches give the same results there too: the exporter cannot trace packing,
    and translates a bare `nn.GRU` without lengths, and with the example's T fixed in the shape of the output
    (torch 2.13).

    The parameters are those of `nn.GRU` (gates r, z, n; two bias vectors, as Keras with `reset_after`).
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Run both directions.

        Args:
            x: (B, T, D) float32.
            lengths: (B,) int64, valid frames, at most T, 0 allowed. None reads padding as speech, as the published nets do.

        Returns:
            (B, T, 2 * hidden).
        """
        if lengths is None and torch.onnx.is_in_onnx_export():
            return self._export(x, torch.full((x.shape[0],), x.shape[1], dtype=torch.int64))
        if lengths is None:
            whole: torch.Tensor = self.gru(x)[0]
            return whole
        read = self._export(x, lengths) if torch.onnx.is_in_onnx_export() else self._packed(x, lengths)
        return read.masked_fill(~length_mask(lengths, x.shape[1])[:, :, None], 0.0)

    def _packed(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu":
            return gru(self.gru, x, lengths)
        at_least_one = lengths.clamp(min=1).cpu()  # packing refuses empty utterances and lengths on a device
        packed = pack_padded_sequence(x, at_least_one, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])[0]

    def _export(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        hidden = self.gru.hidden_size
        kernels, recurrents, kernel_biases, recurrent_biases = zip(*self.gru.all_weights, strict=True)  # each: forward, backward
        biases = [torch.cat([_onnx_gates(bias) for bias in both]) for both in zip(kernel_biases, recurrent_biases, strict=True)]
        read = torch.onnx.ops.symbolic(
            "GRU",
            (
                x.transpose(0, 1),  # (B, T, D) -> (T, B, D)
                torch.stack([_onnx_gates(weight) for weight in kernels]),  # (2, 3 H, D)
                torch.stack([_onnx_gates(weight) for weight in recurrents]),  # (2, 3 H, H)
                torch.stack(biases),  # (2, 6 H)
                lengths.clamp(min=1).to(torch.int32),
            ),
            attrs={"hidden_size": hidden, "direction": "bidirectional", "linear_before_reset": 1},
            dtype=x.dtype,
            shape=(x.shape[1], 2, x.shape[0], hidden),
            version=14,  # of the operator; unchanged until 22, which adds only bfloat16
        )
        return read.permute(2, 0, 1, 3).flatten(2)  # (T, 2, B, H) -> (B, T, 2 H)


def _onnx_gates(weight: torch.Tensor) -> torch.Tensor:
    hidden = weight.shape[0] // 3
    return torch.cat([weight[hidden : 2 * hidden], weight[:hidden], weight[2 * hidden :]])  # torch r, z, n -> ONNX z, r, h
