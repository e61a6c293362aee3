"""CTC training of one model as a Lightning module."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch.nn import functional as F

from tympan import scoring
from tympan.data.torch_batches import Batch
from tympan.decoding import greedy
from tympan.errors import TympanError
from tympan.models.ctc import CTCModel
from tympan.models.layers.lengths import length_mask
from tympan.tokens import BLANK, TokenTable
from tympan.training.average import WeightAverage
from tympan.training.objectives import CTC, Objective, ctc_loss, impossible
from tympan.training.optimizers import make_optimizer
from tympan.training.recipe import TrainingRecipe
from tympan.training.schedule import SCHEDULES, plateau_factor


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


@dataclass
class Validation:
    """What a validation found: pooled rates, mean loss an output frame, share of blank frames, and some pairs of texts."""

    wer: float
    cer: float
    loss: float
    blank_share: float
    samples: list[tuple[str, str]]


class CTCTask(LightningModule):
    """Loss, optimiser, averaging and validation of a CTC model.

    Args:
        model: the network.
        tokens: its token table.
        recipe: the training section of the recipe.
        total_steps: optimiser steps of the whole training, for the schedule.
        objective: of the final log_probs; plain CTC by default. Intermediate ones are trained by plain CTC.
    """

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
        self.impossible_ids: set[str] = set()
        self.optimizer_steps = 0
        self.errors: list[float] = []  # the rates of all validations of the training, for the schedule "plateau"
        self.gradient_norm = 0.0

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        self.impossible_ids.update(batch.ids[index] for index in impossible(self.output_lengths(batch), batch.tokens, batch.token_lengths))
        loss = self.loss(batch)
        if not torch.isfinite(loss):
            raise TympanError(
                f"The loss is {loss.item()} at step {self.optimizer_steps}; the batch holds {', '.join(batch.ids[:5])}.",
                "Lower training.learning_rate, or look at these recordings.",
            )
        return loss

    def output_lengths(self, batch: Batch) -> torch.Tensor:
        return self.model.output_lengths(batch.lengths)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The objective, mixed with the mean of the intermediate CTC losses; with two views, plus their disagreement."""
        output = self.model.run(batch.features, batch.lengths, batch.chunk_sizes)
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

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.learning_rate()
        optimizer.step(closure=optimizer_closure)
        self.optimizer_steps += 1
        self.average.update()

    def configure_gradient_clipping(self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None) -> None:
        self.gradient_norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip))

    @torch.no_grad()
    def validate(self, batches: Iterable[Batch], samples: int = 3) -> Validation:
        """Greedy decoding of what the objective hears, with the averaged weights; with phones, `wer` is the phone error rate."""
        references, hypotheses, losses, frames, blanks = [], [], 0.0, 0, 0
        training = self.model.training
        with self.average.applied():
            self.model.eval()
            for batch in batches:
                log_probs, lengths = self.model(batch.features.to(self.device), batch.lengths.to(self.device))
                valid = int(lengths.sum())
                losses += valid * float(ctc_loss(log_probs, lengths, batch.tokens.to(self.device), batch.token_lengths.to(self.device)))
                frames += valid
                targets = torch.split(batch.tokens, batch.token_lengths.tolist())
                heard = self.objective.heard(log_probs, lengths).cpu().numpy()
                for row, length, target in zip(heard, lengths.tolist(), targets, strict=True):
                    hypotheses.append(self.tokens.decode(greedy(row[:length]).tokens))
                    references.append(self.tokens.decode(target.tolist()))
                    blanks += int((row[:length].argmax(axis=1) == BLANK).sum())
        self.model.train(training)
        score = scoring.score(references, hypotheses)
        pairs = list(zip(references, hypotheses, strict=True))[:samples]
        return Validation(score.wer, score.cer, losses / max(1, frames), blanks / max(1, frames), pairs)
