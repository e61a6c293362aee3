"""CTC: the loss, and the cost of targets under any scores."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tympan.models.layers.lengths import length_mask
from tympan.tokens import BLANK
from tympan.training.objectives.objective import Objective


class CTC(Objective):
    """-log P(tokens | log_probs) over output frames."""

    def forward(self, log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
        return ctc_loss(log_probs, lengths, tokens, token_lengths)


def ctc_loss(log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
    """Sum of -log P(tokens | log_probs) over the batch divided by its output frames (SEED correction C13).

    An utterance whose tokens do not fit into its frames adds nothing; `impossible` finds those.

    Source: Graves et al. 2006, equation 12.
    """
    total = F.ctc_loss(log_probs.transpose(0, 1), tokens, lengths, token_lengths, BLANK, "sum", zero_infinity=True)
    return total / lengths.sum().clamp(min=1)


def ctc_costs(scores: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
    """(B,): -log of the sum, over all paths of the target, of exp of the path's scores; 0 where there is no path.

    Args:
        scores: (B, T, V), whatever their sum: torch's gradient is right for normalised ones alone, so what normalises them is given
            back after it.
        lengths, tokens, token_lengths: see `Objective.forward`.
    """
    normalizers = scores.logsumexp(dim=2)  # (B, T)
    costs = F.ctc_loss((scores - normalizers[..., None]).transpose(0, 1), tokens, lengths, token_lengths, BLANK, "none", zero_infinity=True)
    costs = costs - normalizers.where(length_mask(lengths, scores.shape[1]), 0).sum(dim=1)
    return costs.where(possible(lengths, tokens, token_lengths), 0)


def possible(lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
    """(B,) bool: whether an utterance has as many frames as tokens plus equal neighbours (SEED correction C14)."""
    owners = torch.arange(len(token_lengths), device=tokens.device).repeat_interleave(token_lengths, output_size=len(tokens))
    equal = (tokens[1:] == tokens[:-1]) & (owners[1:] == owners[:-1])
    return lengths >= token_lengths.index_add(0, owners[1:], equal.to(token_lengths.dtype))


def impossible(lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> list[int]:
    """The utterances that are not `possible`."""
    return [index for index, fits in enumerate(possible(lengths, tokens, token_lengths).tolist()) if not fits]
