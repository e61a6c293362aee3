"""Training of one attention model."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tympan.data.torch_batches import Batch
from tympan.models.attention import AttentionModel
from tympan.models.spellers import EDGE
from tympan.tokens import TokenTable
from tympan.training.objectives import Objective
from tympan.training.recipe import AttentionRecipe, TrainingRecipe
from tympan.training.search_risk import AttentionRisk
from tympan.training.tasks.framewise import head_loss, show_emission
from tympan.training.tasks.task import Task
from tympan.training.validation import Heard

CTC_WEIGHT = 0.3
TOKENS_A_FRAME = 0.4  # of features: a text has at most 40 tokens a second of 10 ms frames; the fastest speech has some 25 characters
IGNORED = -100


def padded_targets(tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Tokens of all utterances behind each other and how many each has, (B,) -> (B, U), followed by EDGE."""
    return torch.nn.utils.rnn.pad_sequence(list(torch.split(tokens, lengths.tolist())), batch_first=True, padding_value=EDGE)


def spelling_loss(logits: torch.Tensor, targets: torch.Tensor, lengths: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Sum over the batch of -log P of each token and of the text's end, in nats.

    Args:
        logits: (B, U + 1, V).
        targets: (B, U), anything past the lengths.
        lengths: (B,) tokens of each.
        smoothing: share of a token's target that all V tokens have alike (Szegedy et al. 2015, arXiv:1512.00567, section 7).
    """
    places = torch.arange(logits.shape[1], device=logits.device)[None]
    wanted = F.pad(targets, (0, 1), value=EDGE).masked_fill(places >= lengths[:, None], EDGE)
    wanted = wanted.masked_fill(places > lengths[:, None], IGNORED)
    return F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing)


class AttentionTask(Task):
    """Loss and validation of an attention model; arguments as of `Task`.

        loss = (1 - ctc_weight) * spelling + ctc_weight * (objective + consistency * disagreement)

    each summed over the utterances and divided by the tokens that were to be written, ends counted (Kim, Hori and Watanabe 2016,
    arXiv:1609.06773, equation 8). The objective is of the CTC head. A validation writes greedily, without the CTC head, and its loss is
    that of spelling the truth, without smoothing.
    """

    model: AttentionModel

    def __init__(
        self, model: AttentionModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
    ) -> None:
        super().__init__(model, tokens, recipe, total_steps, objective)
        self.attention = recipe.attention or AttentionRecipe()
        weight = self.attention.ctc_weight
        self.ctc_weight = 0.0 if model.head is None else CTC_WEIGHT if weight is None else weight
        self.risk = AttentionRisk(recipe.mwer, tokens) if recipe.mwer is not None else None

    def divisor(self, batch: Batch) -> int:
        return int((batch.token_lengths + 1).sum())

    def sampling(self) -> float:
        """The probability, at the step that is next, that the speller reads what it would have written."""
        steps = self.attention.sampling_ramp * self.total_steps
        return self.attention.scheduled_sampling * (min(1.0, self.optimizer_steps / steps) if steps else 1.0)

    def loss(self, batch: Batch) -> torch.Tensor:
        encoded, lengths = self.model.encoder(batch.features, batch.lengths)
        targets = padded_targets(batch.tokens, batch.token_lengths)
        logits = self.model.speller(encoded, lengths, targets, self.sampling())
        loss = spelling_loss(logits, targets, batch.token_lengths, self.attention.label_smoothing)
        if self.model.head is not None:
            loss = (1 - self.ctc_weight) * loss + self.ctc_weight * self.framewise(encoded, lengths, batch)
        if self.risk is not None:
            loss = self.risk.loss(self.model.speller, encoded, lengths, batch.texts) + self.risk.objective_weight * loss
        return loss / self.divisor(batch)

    def framewise(self, encoded: torch.Tensor, lengths: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The sum of the CTC head's losses, in nats."""
        assert self.model.head is not None
        rows = self.model.head.output_lengths(lengths)
        return head_loss(self, self.model.head(encoded), rows, batch) * rows.sum()

    def hear(self, batch: Batch, found: Heard) -> None:
        encoded, lengths = self.model.encoder(batch.features, batch.lengths)
        targets = padded_targets(batch.tokens, batch.token_lengths)
        found.loss += float(spelling_loss(self.model.speller(encoded, lengths, targets), targets, batch.token_lengths))
        found.frames += self.divisor(batch)
        limits = (TOKENS_A_FRAME * batch.lengths).ceil().long().where(lengths > 0, 0)
        if self.risk is not None:
            found.pairs += zip(batch.texts, self.risk.heard(self.model.speller, encoded, lengths), strict=True)
        truths = [] if self.risk is not None else torch.split(batch.tokens, batch.token_lengths.tolist())
        written_all = [] if self.risk is not None else self.model.speller.greedy(encoded, lengths, limits)
        for truth, written in zip(truths, written_all, strict=True):
            found.pairs.append((self.tokens.decode(truth.tolist()), self.tokens.decode(written)))
        if self.model.head is not None:
            show_emission(self, self.model.head, encoded, lengths, batch, found)
