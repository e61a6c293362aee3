"""CTC training of one model as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch.nn import functional as F

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.decoding import greedy
from tympan.models.ctc import CTCModel
from tympan.models.layers.lengths import length_mask
from tympan.tokens import BLANK, TokenTable
from tympan.training.average import WeightAverage
from tympan.training.objectives import CTC, Objective, ctc_loss, impossible
from tympan.training.optimizers import make_optimizer
from tympan.training.ranks import Ranks
from tympan.training.recipe import TrainingRecipe
from tympan.training.schedule import SCHEDULES, plateau_factor
from tympan.training.step import Stepper, Taken
from tympan.training.validation import Emission, Heard, Validation


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


class CTCTask(LightningModule):
    """Loss, optimiser, averaging and validation of a CTC model.

    Lightning calls `training_step` with all batches of one optimiser step; how that is taken is `Stepper`'s business.

    Args:
        model: the network.
        tokens: its token table.
        recipe: the training section of the recipe.
        total_steps: optimiser steps of the whole training, for the schedule.
        objective: of the final log_probs; plain CTC by default. Intermediate ones are trained by plain CTC.
    """

    automatic_optimization = False

    def __init__(
        self, model: CTCModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.tokens = tokens
        self.recipe = recipe
        self.total_steps = total_steps
        self.objective = objective or CTC()
        self.average = WeightAverage(model, recipe.ema_decay)
        self.stepper = Stepper(self)
        self.featurize: Callable[[Batch], Batch] = lambda batch: batch
        self.impossible_ids: set[str] = set()
        self.optimizer_steps = 0
        self.watched = False  # whether `loss` is to find the share of blanks
        self.blank_share = torch.zeros(())
        self.errors: list[float] = []  # the rates of all validations of the training, for the schedule "plateau"

    def transfer_batch_to_device(self, batch: Group, device: torch.device, dataloader_idx: int) -> Group:
        return replace(batch, batches=[self.featurize(part.to(device)) for part in batch.batches])

    def training_step(self, group: Group, _: int) -> dict[str, Taken]:
        for batch in group.batches:
            unspeakable = impossible(self.output_lengths(batch), batch.tokens, batch.token_lengths)
            self.impossible_ids.update(batch.ids[index] for index in unspeakable)
        return {"taken": self.stepper.take(group, self.trainer.optimizers[0])}

    def output_lengths(self, batch: Batch) -> torch.Tensor:
        return self.model.output_lengths(batch.lengths)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The objective, mixed with the mean of the intermediate CTC losses; with two views, plus their disagreement."""
        output = self.model.run(batch.features, batch.lengths, batch.chunk_sizes)
        if self.watched:
            self.blank_share = blank_share(output.log_probs.detach(), output.lengths)
        targets = output.lengths, batch.tokens, batch.token_lengths
        loss: torch.Tensor = self.objective(output.log_probs, *targets)
        if taps := [ctc_loss(log_probs, *targets) for log_probs in output.intermediate]:
            weight = self.recipe.intermediate_weight
            loss = (1 - weight) * loss + weight * torch.stack(taps).mean()
        if batch.views == 2 and self.recipe.consistency:
            loss = loss + self.recipe.consistency * disagreement(output.log_probs, output.lengths)
        return loss

    def configure_optimizers(self) -> Any:
        return make_optimizer(self.model, self.recipe)

    def learning_rate(self) -> float:
        """The rate of the next optimiser step."""
        share = SCHEDULES[self.recipe.schedule](self.optimizer_steps, self.total_steps, self.recipe.warmup_share)
        if self.recipe.schedule == "plateau":
            share *= plateau_factor(self.errors, self.recipe.plateau_patience, self.recipe.plateau_factor)
        return self.recipe.learning_rate * share

    def shorten_gradients(self) -> torch.Tensor:
        """Shorten the gradient to the recipe's `gradient_clip`; its length before, a scalar."""
        return torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights by their gradients."""
        for group in optimizer.param_groups:
            group["lr"] = self.learning_rate()
        optimizer.step()
        self.optimizer_steps += 1
        self.model.encoder.after_step(self.optimizer_steps)
        self.average.update()

    @torch.no_grad()
    def validate(self, batches: Iterable[Batch], samples: int = 3, ranks: Ranks = Ranks()) -> Validation:  # noqa: B008 (a constant)
        """Greedy decoding of what the objective hears in all ranks' batches, with averaged weights; of phones, `wer` is theirs."""
        found = Heard()
        training = self.model.training
        with self.average.applied():
            self.model.eval()
            for batch in batches:
                found.skipped |= batch.skipped
                if batch.ids:
                    self.hear(self.featurize(batch.to(self.device)), found)
        self.model.train(training)
        return found.together(ranks).validation(samples)

    def hear(self, batch: Batch, found: Heard) -> None:
        """Add what the network makes of `batch` to `found`."""
        log_probs, lengths = self.model(batch.features, batch.lengths)
        valid = int(lengths.sum())
        found.loss += valid * float(ctc_loss(log_probs, lengths, batch.tokens, batch.token_lengths))
        found.frames += valid
        targets = torch.split(batch.tokens, batch.token_lengths.tolist())
        rows = self.objective.heard(log_probs, lengths).float().cpu().numpy()
        if found.emission is None:
            features = batch.features[0, : int(batch.lengths[0])].float().cpu().numpy()
            found.emission = Emission(features, rows[0, : int(lengths[0])])
        for row, length, target in zip(rows, lengths.tolist(), targets, strict=True):
            hypothesis = self.tokens.decode(greedy(row[:length]).tokens)
            found.pairs.append((self.tokens.decode(target.tolist()), hypothesis))
            found.blanks += int((row[:length].argmax(axis=1) == BLANK).sum())
