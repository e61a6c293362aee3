"""CTC with a penalty on the blank: of the paths of a target, those with fewer blanks are preferred."""

from __future__ import annotations

import torch

from tympan.tokens import BLANK
from tympan.training.objectives.ctc import ctc_costs
from tympan.training.objectives.objective import Objective


class BlankPenaltyCTC(Objective):
    """-log of the sum over the paths of a target of P(path) exp(-penalty x its blanks), over output frames.

    The penalised scores are not normalised again: then the network could make up for the penalty by more blank. Its outputs are used
    as they are.

    Args:
        penalty: nats for each blank; 0 is CTC.
    """

    def __init__(self, penalty: float) -> None:
        super().__init__()
        self.penalty = penalty

    def forward(self, log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
        penalties = log_probs.new_zeros(log_probs.shape[2])
        penalties[BLANK] = self.penalty
        return ctc_costs(log_probs - penalties, lengths, tokens, token_lengths).sum() / lengths.sum().clamp(min=1)
