"""One bidirectional GRU layer that reads each utterance of a padded batch as if it were alone."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.recurrent import onnx_operator, read_utterances


class BidirectionalGRU(nn.Module):
    """(B, T, D) -> (B, T, 2 * hidden), both directions concatenated.

    With lengths, the backward direction starts at each utterance's own last frame and frames past it are zero, in an ONNX
    graph too. Without, padding is read as speech.

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
        if lengths is not None:
            return read_utterances(self.gru, x, lengths)
        if torch.onnx.is_in_onnx_export():
            return onnx_operator(self.gru, x, torch.full((x.shape[0],), x.shape[1], dtype=torch.int64))
        whole: torch.Tensor = self.gru(x)[0]
        return whole
