"""The CTC head: encoded frames to log-probabilities over the tokens, blank = 0."""

from __future__ import annotations

import torch
from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


def activation_layer(name: str) -> nn.Module:
    """The activation of that name; ValueError names those that there are."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r} is none of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


class CTCHead(nn.Module):
    """Linear, or Linear - activation - dropout - Linear, then log-softmax.

    Args:
        dim: D of the encoder.
        num_tokens: V with blank.
        hidden: width of the hidden layer; 0 for none.
        activation: "gelu" or "relu"; no effect without a hidden layer.
        dropout: on the hidden layer; no effect without it.
        unfold: output frames for each encoded frame. An 8x encoder with unfold 2 gives the frames of a 4x one,
            which characters need (T' >= U + repeats), at the price of an 8x encoder.
        bias: of the last layer.
    """

    def __init__(
        self,
        dim: int,
        num_tokens: int,
        *,
        hidden: int = 0,
        activation: str = "gelu",
        dropout: float = 0.1,
        unfold: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if hidden < 0 or unfold < 1:
            raise ValueError(f"hidden {hidden} must be at least 0 and unfold {unfold} at least 1")
        self.num_tokens = num_tokens
        self.unfold = unfold
        outputs = num_tokens * unfold
        before = (nn.Linear(dim, hidden), activation_layer(activation), nn.Dropout(dropout)) if hidden else ()
        self.layers = nn.Sequential(*before, nn.Linear(hidden or dim, outputs, bias=bias))

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """(B, T', D) -> log_probs (B, T' * unfold, V), float32 whatever the autocast (SEED correction C15)."""
        logits: torch.Tensor = self.layers(encoded)
        logits = logits.float().reshape(logits.shape[0], -1, self.num_tokens)  # (B, T', u V) -> (B, u T', V)
        return torch.log_softmax(logits, dim=-1)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Frames of log_probs for `lengths` encoded frames."""
        return lengths * self.unfold
