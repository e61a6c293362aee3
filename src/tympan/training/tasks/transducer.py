"""Training of one transducer, with CTC beside it on wish."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pad_sequence

from tympan.data.torch_batches import Batch
from tympan.models.transducer import TransducerModel
from tympan.models.transducer_greedy import greedy_batch
from tympan.tokens import TokenTable
from tympan.training.objectives import Objective
from tympan.training.objectives.transducer import lattice_scores, transducer_loss
from tympan.training.recipe import TrainingRecipe, TransducerRecipe
from tympan.training.tasks.framewise import head_loss, show_emission
from tympan.training.tasks.task import Task
from tympan.training.validation import Heard

CTC_WEIGHT = 0.3


class TransducerTask(Task):
    """Loss and validation of a transducer; arguments as of `Task`.

    The objective is that of the CTC head, where there is one: `ctc_weight` of it, and the rest of the transducer's loss, both divided by
    the encoded frames. Validations decode greedily.
    """

    model: TransducerModel

    def __init__(
        self, model: TransducerModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
    ) -> None:
        super().__init__(model, tokens, recipe, total_steps, objective)
        self.options = recipe.transducer or TransducerRecipe()
        weight = self.options.ctc_weight
        self.ctc_weight = 0.0 if model.head is None else CTC_WEIGHT if weight is None else weight

    def divisor(self, batch: Batch) -> int:
        return int(self.output_lengths(batch).sum())

    def output_shape(self, batch: Batch) -> tuple[int, int, int]:
        """(B, T' (U + 1), V) of the lattice."""
        count, frames, num_tokens = super().output_shape(batch)
        return count, frames * (int(batch.token_lengths.max()) + 1), num_tokens

    def loss(self, batch: Batch) -> torch.Tensor:
        encoded, lengths = self.model.encoder(batch.features, batch.lengths)
        loss = self.lattice_loss(encoded, lengths, batch)
        if self.model.head is None:
            return loss
        return (1 - self.ctc_weight) * loss + self.ctc_weight * self.frame_loss(encoded, lengths, batch)

    def lattice_loss(self, encoded: torch.Tensor, lengths: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The transducer's loss over encoded (B, T', D), divided by the frames."""
        targets = pad_sequence(list(torch.split(batch.tokens, batch.token_lengths.tolist())), batch_first=True)
        heard = lengths.clamp(min=1)  # an utterance without a frame is heard as one of silence
        chunk = self.options.chunk
        predicted = self.model.predictor(targets)
        blank, label = lattice_scores(self.model.joiner, encoded, predicted, heard, targets, batch.token_lengths, chunk=chunk)
        return transducer_loss(blank, label, heard, batch.token_lengths).sum() / lengths.sum().clamp(min=1)

    def frame_loss(self, encoded: torch.Tensor, lengths: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The CTC head's objective; with two views, plus their disagreement."""
        assert self.model.head is not None
        return head_loss(self, self.model.head(encoded), self.model.head.output_lengths(lengths), batch)

    def hear(self, batch: Batch, found: Heard) -> None:
        encoded, lengths = self.model.encoder(batch.features, batch.lengths)
        frames = int(lengths.sum())
        found.loss += frames * float(self.lattice_loss(encoded, lengths, batch))
        found.frames += frames
        if self.model.head is not None:
            show_emission(self, self.model.head, encoded, lengths, batch, found)
        targets = torch.split(batch.tokens, batch.token_lengths.tolist())
        for tokens, target in zip(greedy_batch(self.model, encoded, lengths), targets, strict=True):
            found.pairs.append((self.tokens.decode(target.tolist()), self.tokens.decode(tokens)))
            found.blanks -= len(tokens)
        found.blanks += frames
