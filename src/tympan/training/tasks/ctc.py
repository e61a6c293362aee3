"""CTC training of one model."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.decoding import greedy
from tympan.models.ctc import CTCModel
from tympan.models.layers.lengths import length_mask
from tympan.tokens import BLANK, TokenTable
from tympan.training.objectives import Objective, ctc_loss, impossible
from tympan.training.recipe import TrainingRecipe
from tympan.training.search_risk import CTCRisk
from tympan.training.step import Taken
from tympan.training.tasks.task import Task
from tympan.training.validation import Emission, Heard


def disagreement(log_probs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Mean over the frames of KL(second view || first) + KL(first || second), each drawing only the latter to the former.

    Args:
        log_probs: (B, T, V) natural log; row i + B / 2 is another view of row i, of the same length.
        lengths: (B,) int64.

    Source: Yao et al. 2024, arXiv:2410.05101, equation 6: here 2 L_CR over both views' frames, as the CTC losses are divided.
    """
    first, second = log_probs.chunk(2)
    valid = length_mask(lengths[: len(first)], log_probs.shape[1])[..., None]
    both = F.kl_div(first, second.detach(), reduction="none", log_target=True)
    both = both + F.kl_div(second, first.detach(), reduction="none", log_target=True)
    return both.masked_fill(~valid, 0.0).sum() / lengths.sum().clamp(min=1)


def blank_share(log_probs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Share of the valid frames of log_probs (B, T, V) whose best token is the blank, a scalar."""
    valid = length_mask(lengths, log_probs.shape[1])
    return ((log_probs.argmax(dim=-1) == BLANK) & valid).sum() / valid.sum().clamp(min=1)


class CTCTask(Task):
    """Loss and validation of a CTC model; arguments as of `Task`.

    The objective is that of the final log_probs. Intermediate ones are trained by plain CTC. A validation decodes greedily what the
    objective hears. With `mwer` the search's word errors are trained on, and a validation searches.
    """

    model: CTCModel

    def __init__(
        self, model: CTCModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
    ) -> None:
        super().__init__(model, tokens, recipe, total_steps, objective)
        self.impossible_ids: set[str] = set()
        self.risk = CTCRisk(recipe.mwer, tokens) if recipe.mwer is not None else None

    def training_step(self, group: Group, _: int) -> dict[str, Taken]:
        for batch in group.batches:
            unspeakable = impossible(self.output_lengths(batch), batch.tokens, batch.token_lengths)
            self.impossible_ids.update(batch.ids[index] for index in unspeakable)
        return super().training_step(group, _)

    def divisor(self, batch: Batch) -> int:
        return int(self.output_lengths(batch).sum())

    def loss(self, batch: Batch) -> torch.Tensor:
        """The objective, mixed with the mean of the intermediate CTC losses; with two views, plus their disagreement."""
        output = self.model.run(batch.features, batch.lengths, batch.chunk_sizes)
        if self.watched:
            self.blank_share = blank_share(output.log_probs.detach(), output.lengths)
        targets = output.lengths, batch.tokens, batch.token_lengths
        loss: torch.Tensor = self.objective(output.log_probs, *targets)
        if self.risk is not None:
            loss = self.risk.loss(output.log_probs, output.lengths, batch.texts) + self.risk.objective_weight * loss
        if taps := [ctc_loss(log_probs, *targets) for log_probs in output.intermediate]:
            weight = self.recipe.intermediate_weight
            loss = (1 - weight) * loss + weight * torch.stack(taps).mean()
        if batch.views == 2 and self.recipe.consistency:
            loss = loss + self.recipe.consistency * disagreement(output.log_probs, output.lengths)
        return loss

    def hear(self, batch: Batch, found: Heard) -> None:
        log_probs, lengths = self.model(batch.features, batch.lengths)
        valid = int(lengths.sum())
        found.loss += valid * float(ctc_loss(log_probs, lengths, batch.tokens, batch.token_lengths))
        found.frames += valid
        targets = torch.split(batch.tokens, batch.token_lengths.tolist())
        rows = self.objective.heard(log_probs, lengths).float().cpu().numpy()
        if found.emission is None:
            features = batch.features[0, : int(batch.lengths[0])].float().cpu().numpy()
            found.emission = Emission(features, rows[0, : int(lengths[0])])
        if self.risk is not None:
            found.pairs += zip(batch.texts, self.risk.heard(log_probs, lengths), strict=True)
        for row, length, target in zip(rows, lengths.tolist(), targets, strict=True):
            if self.risk is None:
                found.pairs.append((self.tokens.decode(target.tolist()), self.tokens.decode(greedy(row[:length]).tokens)))
            found.blanks += int((row[:length].argmax(axis=1) == BLANK).sum())
