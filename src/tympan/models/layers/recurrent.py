"""Recurrent layers that read each utterance of a padded batch as if it were alone, in torch and in an ONNX graph."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tympan.models.layers.gru import gru
from tympan.models.layers.lengths import length_mask
from tympan.models.layers.lstm import lstm

KINDS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
ONNX_GATES = {"GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}  # torch r, z, n -> ONNX z, r, h; torch i, f, g, o -> ONNX i, o, f, c


class Recurrent(nn.Module):
    """One GRU or LSTM layer, (B, T, D) -> (B, T, hidden), or (B, T, 2 hidden) where two directions are put side by side.

    Args:
        dim: D.
        hidden: units of each direction.
        kind: "gru" or "lstm".
        bidirectional: with a second direction that starts at each utterance's own last frame.
        merge: "concat" puts the directions side by side, "sum" adds them; no effect on one direction.
        biases: 2, as torch and cuDNN have it (one for the input, one for the state), or 1; both compute the same.
    """

    def __init__(
        self,
        dim: int,
        hidden: int,
        *,
        kind: str = "gru",
        bidirectional: bool = True,
        merge: str = "concat",
        biases: Literal[1, 2] = 2,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"rnn {kind!r} is none of {', '.join(KINDS)}")
        if merge not in ("concat", "sum"):
            raise ValueError(f"merge {merge!r} is not concat or sum")
        self.rnn = KINDS[kind](dim, hidden, batch_first=True, bidirectional=bidirectional)
        self.sums = bidirectional and merge == "sum"
        self.output_dim = 2 * hidden if bidirectional and merge == "concat" else hidden
        if biases == 1:
            freeze_state_biases(self.rnn)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, T, D) and valid frames (B,), 0 allowed -> (B, T, output_dim), zero past the lengths."""
        y = read_utterances(self.rnn, x, lengths)
        return y.reshape(*y.shape[:2], 2, -1).sum(2) if self.sums else y


def freeze_state_biases(rnn: nn.RNNBase) -> None:
    """Make the biases of the state zeros that are not parameters: they only add to those of the input."""
    for name in [name for name, _ in rnn.named_parameters() if name.startswith("bias_hh")]:
        zeros = torch.zeros_like(getattr(rnn, name), requires_grad=False)
        delattr(rnn, name)
        rnn.register_buffer(name, zeros, persistent=False)
    rnn._init_flat_weights()


def read_utterances(rnn: nn.GRU | nn.LSTM, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Run a layer with `batch_first` over the valid frames of each utterance.

    In training and eager use the batch is packed, but on a processor (`gru`, `lstm`). In an ONNX export the layer becomes the
    ONNX operator of its kind with the input `sequence_lens`, so that padded batches give the same results there too: the
    exporter cannot trace packing, and translates a bare `nn.GRU` without lengths, and with the example's T fixed in the shape
    of the output (torch 2.13).

    Args:
        rnn: of one layer.
        x: (B, T, D).
        lengths: (B,) int64, valid frames, at most T, 0 allowed.

    Returns:
        (B, T, directions * H), zero past the lengths.
    """
    if torch.onnx.is_in_onnx_export():
        y = onnx_operator(rnn, x, lengths)
    elif x.device.type == "cpu":
        y = gru(rnn, x, lengths) if isinstance(rnn, nn.GRU) else lstm(rnn, x, lengths)
    else:
        at_least_one = lengths.clamp(min=1).cpu()  # packing refuses empty utterances and lengths on a device
        packed = pack_padded_sequence(x, at_least_one, batch_first=True, enforce_sorted=False)
        y = pad_packed_sequence(rnn(packed)[0], batch_first=True, total_length=x.shape[1])[0]
    return y.masked_fill(~length_mask(lengths, x.shape[1])[:, :, None], 0.0)


def onnx_operator(rnn: nn.GRU | nn.LSTM, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The layer as one node of an exported graph; arguments and result as `read_utterances`, garbage past the lengths."""
    operator = "GRU" if isinstance(rnn, nn.GRU) else "LSTM"
    hidden, directions = rnn.hidden_size, 2 if rnn.bidirectional else 1
    kernels, recurrents, kernel_biases, state_biases = zip(*rnn.all_weights, strict=True)  # each: forward, backward
    biases = [torch.cat([onnx_gates(bias, operator) for bias in both]) for both in zip(kernel_biases, state_biases, strict=True)]
    attributes = {"hidden_size": hidden, "direction": "bidirectional" if rnn.bidirectional else "forward"}
    read = torch.onnx.ops.symbolic(
        operator,
        (
            x.transpose(0, 1),  # (B, T, D) -> (T, B, D)
            torch.stack([onnx_gates(weight, operator) for weight in kernels]),  # (directions, gates H, D)
            torch.stack([onnx_gates(weight, operator) for weight in recurrents]),  # (directions, gates H, H)
            torch.stack(biases),  # (directions, 2 gates H)
            lengths.clamp(min=1).to(torch.int32),
        ),
        attrs={**attributes, **({"linear_before_reset": 1} if operator == "GRU" else {})},
        dtype=x.dtype,
        shape=(x.shape[1], directions, x.shape[0], hidden),
        version=14,  # of both operators; unchanged until 22, which adds only bfloat16
    )
    return read.permute(2, 0, 1, 3).flatten(2)  # (T, directions, B, H) -> (B, T, directions H)


def onnx_gates(weight: torch.Tensor, operator: str) -> torch.Tensor:
    """The rows of a weight in the operator's order of gates."""
    hidden = weight.shape[0] // len(ONNX_GATES[operator])
    return torch.cat([weight[gate * hidden : (gate + 1) * hidden] for gate in ONNX_GATES[operator]])  # not chunk: it is not folded
