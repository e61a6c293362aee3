"""What all training objectives have in common."""

from __future__ import annotations

import torch
from torch import nn


class Objective(nn.Module):
    """From log_probs and targets to the loss that is minimised.

    A member that remembers something of the training keeps it in persistent buffers: these go into the checkpoints. Members have no
    parameters, and give their value in evaluation mode without remembering.
    """

    def forward(self, log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
        """The loss in nats an output frame.

        Args:
            log_probs: (B, T, V), natural log, exp of a row sums to 1, blank at 0.
            lengths: (B,) int64, valid frames.
            tokens: (sum of token_lengths,) int64, all targets behind each other.
            token_lengths: (B,) int64.
        """
        raise NotImplementedError

    def heard(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What a validation decodes greedily, (B, T, V) as log_probs: themselves, unless the objective trains them for other use."""
        return log_probs

    def describe(self) -> str:
        """What a training should tell about it; mostly nothing."""
        return ""
