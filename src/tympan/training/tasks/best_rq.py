"""BEST-RQ pre-training of one encoder."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tympan.data.torch_batches import Batch
from tympan.models.best_rq import BestRQModel, Guesses, draw_hidden
from tympan.tokens import TokenTable
from tympan.training.objectives import Objective
from tympan.training.recipe import MaskingRecipe, TrainingRecipe
from tympan.training.tasks.task import Task
from tympan.training.validation import Heard


class BestRQTask(Task):
    """Loss and validation of a pre-training; arguments as of `Task`.

    The loss is the cross-entropy of the hidden frames' codes, summed and divided by all encoded frames. A validation hides the same
    frames in every epoch; its error rate is the share of hidden frames whose most probable code is not theirs.
    """

    model: BestRQModel
    measure = "wrong codes"

    def __init__(
        self, model: BestRQModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
    ) -> None:
        super().__init__(model, tokens, recipe, total_steps, objective)
        self.masking = recipe.masking or MaskingRecipe()

    def divisor(self, batch: Batch) -> int:
        return int(self.output_lengths(batch).sum())

    def output_shape(self, batch: Batch) -> tuple[int, int, int]:
        """(B, T', N K) of all codes."""
        count, frames, _ = super().output_shape(batch)
        return count, frames, self.model.output.out_features

    def guess(self, batch: Batch, generator: torch.Generator | None = None) -> Guesses:
        """What the network makes of a batch of which some is hidden; drawn by torch's own random state, or by `generator`."""
        count, frames, _ = self.output_shape(batch)
        stack = self.model.quantizer.stack
        span = max(1, round(self.masking.frames / stack))
        hidden = draw_hidden(count, frames, min(1.0, self.masking.probability * stack), span, generator)
        noise = self.masking.noise * torch.randn(batch.features.shape, generator=generator)
        guesses: Guesses = self.model(batch.features, batch.lengths, hidden.to(self.device), noise.to(self.device))
        return guesses

    def loss(self, batch: Batch) -> torch.Tensor:
        guesses = self.guess(batch)
        return cross_entropy(guesses) / guesses.lengths.sum().clamp(min=1)

    def hear(self, batch: Batch, found: Heard) -> None:
        seed = int(batch.lengths.sum()) + len(batch.ids)  # of this batch, the same in every epoch
        guesses = self.guess(batch, torch.Generator().manual_seed(seed))
        found.loss += float(cross_entropy(guesses))
        found.frames += len(guesses.codes)
        found.guessed += guesses.codes.numel()
        found.wrong += int((guesses.logits.argmax(dim=2) != guesses.codes).sum())


def cross_entropy(guesses: Guesses) -> torch.Tensor:
    """Nats of all hidden frames together, the mean over the codebooks."""
    books = max(1, guesses.codes.shape[1])
    return F.cross_entropy(guesses.logits.flatten(0, 1), guesses.codes.flatten(), reduction="sum") / books
