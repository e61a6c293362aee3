"""CTC with label priors: posteriors are divided by how frequent a token is among all frames, so that the blank's peaks flatten."""

from __future__ import annotations

import torch

from tympan.models.layers.lengths import length_mask
from tympan.training.objectives.ctc import ctc_costs
from tympan.training.objectives.objective import Objective

FLOOR = -12.0  # lowest log prior that counts, as in torchaudio's recipe of the paper: a token never seen must not be boosted without end
FIRST_STEPS = 10  # early averages follow the batches: decay is at most (1 + n) / (10 + n) after n steps


class PriorCTC(Objective):
    """CTC over the scores log p(v | x) - weight log p(v), not normalised again.

    The prior p(v) is an exponential average of the network's own posteriors over the frames of the batches before; the paper takes the
    mean over the last epoch. It begins uniform, with no effect. In use the network's outputs are taken as they are.

    Source: Huang et al. 2024, arXiv:2406.02560, section 3.2.

    Args:
        num_tokens: V.
        weight: of the prior, the paper's alpha; 0 is CTC.
        decay: share of the old prior that a batch leaves.
    """

    prior: torch.Tensor
    steps: torch.Tensor

    def __init__(self, num_tokens: int, weight: float, decay: float) -> None:
        super().__init__()
        self.weight = weight
        self.decay = decay
        self.register_buffer("prior", torch.full((num_tokens,), 1 / num_tokens))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
        scores = log_probs - self.weight * self.prior.log().clamp(min=FLOOR).to(log_probs.dtype)
        if self.training:
            self.update(log_probs.detach(), lengths)
        return ctc_costs(scores, lengths, tokens, token_lengths).sum() / lengths.sum().clamp(min=1)

    @torch.no_grad()
    def update(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> None:
        """Take in a batch's posteriors."""
        mean = log_probs.exp().where(length_mask(lengths, log_probs.shape[1])[..., None], 0).sum(dim=(0, 1)) / lengths.sum().clamp(min=1)
        decay = torch.clamp((1 + self.steps) / (FIRST_STEPS + self.steps), max=self.decay)
        self.prior = torch.where(lengths.sum() > 0, decay * self.prior + (1 - decay) * mean.to(self.prior.dtype), self.prior)
        self.steps += 1
