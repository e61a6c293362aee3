"""CTC with label smoothing: a share of the loss asks the network not to be too sure."""

from __future__ import annotations

import math

import torch

from tympan.models.layers.lengths import length_mask
from tympan.training.objectives.ctc import ctc_loss
from tympan.training.objectives.objective import Objective


class SmoothedCTC(Objective):
    """(1 - weight) CTC + weight mean over frames of KL(p || uniform), where KL(p || uniform) = log V - entropy(p).

    Source: Kim et al. 2018, arXiv:1711.02212, section 3.3; Pereyra et al. 2017, arXiv:1701.06548, call it a confidence penalty.

    Args:
        weight: 0 is CTC.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
        ctc = ctc_loss(log_probs, lengths, tokens, token_lengths)
        divergences = math.log(log_probs.shape[2]) + (log_probs.exp() * log_probs).sum(dim=2)  # (B, T)
        mean = divergences.where(length_mask(lengths, log_probs.shape[1]), 0).sum() / lengths.sum().clamp(min=1)
        return (1 - self.weight) * ctc + self.weight * mean
