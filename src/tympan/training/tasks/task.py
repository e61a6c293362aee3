"""What the training of every family of models shares: the optimiser's step, averaging, the schedule, the validation's loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from lightning.pytorch import LightningModule

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.models.speech_model import SpeechModel
from tympan.tokens import TokenTable
from tympan.training.average import WeightAverage
from tympan.training.objectives import CTC, Objective
from tympan.training.optimizers import make_optimizer
from tympan.training.ranks import Ranks
from tympan.training.recipe import TrainingRecipe
from tympan.training.schedule import SCHEDULES, plateau_factor
from tympan.training.step import Stepper, Taken
from tympan.training.validation import Heard, Validation


class Task(LightningModule):
    """Base of the tasks. A family brings `loss`, what its losses are divided by (`divisor`), and `hear`.

    Lightning calls `training_step` with all batches of one optimiser step; how that is taken is `Stepper`'s business.

    Args:
        model: the network.
        tokens: its token table.
        recipe: the training section of the recipe.
        total_steps: optimiser steps of the whole training, for the schedule.
        objective: of log_probs by frames, where the family has any; plain CTC by default.
    """

    automatic_optimization = False
    measure = "WER"  # what the error rate of a validation counts

    def __init__(
        self, model: SpeechModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
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
        self.optimizer_steps = 0
        self.watched = False  # whether `loss` is to find the share of blanks
        self.blank_share = torch.zeros(())
        self.errors: list[float] = []  # the rates of all validations of the training, for the schedule "plateau"

    def loss(self, batch: Batch) -> torch.Tensor:
        """What is minimised: a sum over the batch in nats, divided by `divisor`; a scalar."""
        raise NotImplementedError

    def divisor(self, batch: Batch) -> int:
        """What the loss of a batch is divided by: its share of a larger one."""
        raise NotImplementedError

    def hear(self, batch: Batch, found: Heard) -> None:
        """Add what the network makes of `batch` to `found`."""
        raise NotImplementedError

    def output_shape(self, batch: Batch) -> tuple[int, int, int]:
        """(B, rows, V) of the log_probs of a batch."""
        return batch.features.shape[0], int(self.model.output_lengths(torch.tensor([batch.features.shape[1]]))[0]), len(self.tokens)

    def transfer_batch_to_device(self, batch: Group, device: torch.device, dataloader_idx: int) -> Group:
        return replace(batch, batches=[self.featurize(part.to(device)) for part in batch.batches])

    def training_step(self, group: Group, _: int) -> dict[str, Taken]:
        return {"taken": self.stepper.take(group, self.trainer.optimizers[0])}

    def output_lengths(self, batch: Batch) -> torch.Tensor:
        return self.model.output_lengths(batch.lengths)

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
        """Greedy decoding of all ranks' batches, with averaged weights; of phones, `wer` is theirs."""
        found = Heard()
        training = self.model.training
        with self.average.applied():
            self.model.eval()
            for batch in batches:
                found.skipped |= batch.skipped
                if batch.ids:
                    self.hear(self.featurize(batch.to(self.device)), found)
        self.model.train(training)
        return found.together(ranks).validation(samples, self.measure)
