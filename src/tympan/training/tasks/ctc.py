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
from tympan.training.ranks import Ranks
from tympan.training.recipe import TrainingRecipe
from tympan.training.schedule import SCHEDULES
from tympan.training.step import Stepper, Taken
from tympan.training.validation import Emission, Heard, Validation


def ctc_loss(log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
    """Sum of -log P(tokens | log_probs) over the batch divided by its output frames (SEED correction C13).

    An utterance whose tokens do not fit into its frames adds nothing; `impossible` finds those.

    Source: Graves et al. 2006, equation 12.
    """
    total = F.ctc_loss(log_probs.transpose(0, 1), tokens, lengths, token_lengths, BLANK, "sum", zero_infinity=True)
    return total / lengths.sum().clamp(min=1)


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


def impossible(lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> list[int]:
    """Utterances with fewer frames than tokens plus equal neighbours (SEED correction C14)."""
    found, start = [], 0
    for index, (frames, count) in enumerate(zip(lengths.tolist(), token_lengths.tolist(), strict=True)):
        target = tokens[start : start + count]
        start += count
        if frames < count + int((target[1:] == target[:-1]).sum()):
            found.append(index)
    return found


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
    """

    automatic_optimization = False

    def __init__(self, model: CTCModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int) -> None:
        super().__init__()
        self.model = model
        self.tokens = tokens
        self.recipe = recipe
        self.total_steps = total_steps
        self.average = WeightAverage(model, recipe.ema_decay)
        self.stepper = Stepper(self)
        self.featurize: Callable[[Batch], Batch] = lambda batch: batch
        self.impossible_ids: set[str] = set()
        self.optimizer_steps = 0
        self.watched = False  # whether `loss` is to find the share of blanks
        self.blank_share = torch.zeros(())

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
        """The final CTC loss, mixed with the mean of the intermediate ones; with two views, plus their disagreement."""
        output = self.model.run(batch.features, batch.lengths, batch.chunk_sizes)
        if self.watched:
            self.blank_share = blank_share(output.log_probs.detach(), output.lengths)
        loss, *taps = (
            ctc_loss(log_probs, output.lengths, batch.tokens, batch.token_lengths) for log_probs in (output.log_probs, *output.intermediate)
        )
        if taps:
            weight = self.recipe.intermediate_weight
            loss = (1 - weight) * loss + weight * torch.stack(taps).mean()
        if batch.views == 2 and self.recipe.consistency:
            loss = loss + self.recipe.consistency * disagreement(output.log_probs, output.lengths)
        return loss

    def configure_optimizers(self) -> Any:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        decay = [p for p in trained if p.ndim > 1]
        rest = [p for p in trained if p.ndim <= 1]  # biases and norms are not pulled to 0
        groups = [{"params": decay, "weight_decay": self.recipe.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.recipe.learning_rate, betas=self.recipe.betas, fused=True)

    def learning_rate(self) -> float:
        """The rate of the next optimiser step."""
        share = SCHEDULES[self.recipe.schedule](self.optimizer_steps, self.total_steps, self.recipe.warmup_share)
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
        self.average.update()

    @torch.no_grad()
    def validate(self, batches: Iterable[Batch], samples: int = 3, ranks: Ranks = Ranks()) -> Validation:  # noqa: B008 (a constant)
        """Greedy decoding of the batches of all `ranks` with the averaged weights; with phones, `wer` is the phone error rate."""
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
        rows = log_probs.float().cpu().numpy()
        if found.emission is None:
            features = batch.features[0, : int(batch.lengths[0])].float().cpu().numpy()
            found.emission = Emission(features, rows[0, : int(lengths[0])])
        for row, length, target in zip(rows, lengths.tolist(), targets, strict=True):
            hypothesis = self.tokens.decode(greedy(row[:length]).tokens)
            found.pairs.append((self.tokens.decode(target.tolist()), hypothesis))
            found.blanks += int((row[:length].argmax(axis=1) == BLANK).sum())
