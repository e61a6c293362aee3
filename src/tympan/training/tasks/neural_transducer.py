"""Training of one neural transducer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from tympan.data.torch_batches import Batch
from tympan.models.neural_transducer import NeuralTransducerModel
from tympan.models.spellers import EDGE
from tympan.tokens import TokenTable
from tympan.training.block_alignment import by_ctc, realigned, with_edges
from tympan.training.objectives import Objective
from tympan.training.recipe import NeuralTransducerRecipe, TrainingRecipe
from tympan.training.tasks.attention import IGNORED
from tympan.training.tasks.framewise import head_loss, show_emission
from tympan.training.tasks.task import Task
from tympan.training.validation import Heard


class NeuralTransducerTask(Task):
    """Loss and validation of a neural transducer; arguments as of `Task`.

        loss = (1 - ctc_weight) * spelling + ctc_weight * (objective + consistency * disagreement)

    each summed over the utterances and divided by what was to be said, ends of blocks counted. Three times follow each other: the CTC head
    alone; then the speller too, its tokens in the blocks in which the head's best path has them; then in those in which the model would
    most probably say them. A validation writes greedily, and its loss is that of spelling the truth in the head's blocks.
    """

    model: NeuralTransducerModel

    def __init__(
        self, model: NeuralTransducerModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None
    ) -> None:
        super().__init__(model, tokens, recipe, total_steps, objective)
        self.options = recipe.neural_transducer or NeuralTransducerRecipe()

    def divisor(self, batch: Batch) -> int:
        return int(batch.token_lengths.sum() + self.model.blocks.count(self.output_lengths(batch)).sum())

    def output_shape(self, batch: Batch) -> tuple[int, int, int]:
        """(B, U + N, V) of what is said in N blocks."""
        count, frames, num_tokens = super().output_shape(batch)
        return count, int(batch.token_lengths.max()) + -(-frames // self.model.blocks.frames), num_tokens

    def loss(self, batch: Batch) -> torch.Tensor:
        encoded, lengths = self.encode(batch)
        log_probs, rows = self.model.head(encoded), self.model.head.output_lengths(lengths)
        framewise = head_loss(self, log_probs, rows, batch) * rows.sum()
        progress = self.optimizer_steps / max(1, self.total_steps)
        if progress < self.options.head_alone:
            idle = sum(parameter.sum() for parameter in self.model.speller.parameters())
            return (framewise + 0.0 * idle) / self.divisor(batch)  # each parameter has a gradient, which several processes wait for
        texts = [text.tolist() for text in torch.split(batch.tokens, batch.token_lengths.tolist())]
        blocks = self.by_head(log_probs, lengths, texts)
        if progress >= self.options.realign_from:
            blocks = self.by_model(encoded, lengths, texts, blocks)
        spelled = self.spelling_loss(encoded, lengths, texts, blocks, self.options.label_smoothing)
        weight = self.options.ctc_weight
        return ((1 - weight) * spelled + weight * framewise) / self.divisor(batch)

    def encode(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Encoded frames (B, T', D), T' at least 1, and lengths' (B,)."""
        options = {} if batch.chunk_sizes is None else {"chunk_sizes": batch.chunk_sizes}
        encoded, lengths = self.model.encoder(batch.features, batch.lengths, **options)
        return encoded if encoded.shape[1] else encoded.new_zeros(len(lengths), 1, encoded.shape[2]), lengths

    def by_head(self, log_probs: torch.Tensor, lengths: torch.Tensor, texts: Sequence[Sequence[int]]) -> list[list[int]]:
        """The block of each token on the CTC head's best path."""
        rows, counts = self.model.head.output_lengths(lengths).tolist(), self.model.blocks.count(lengths).clamp(min=1).tolist()
        frames, found = self.model.blocks.frames * self.model.head.unfold, log_probs.detach().float().cpu()
        return [
            by_ctc(row[:length], frames, count, text, self.options.slack * self.model.head.unfold)
            for row, length, count, text in zip(found, rows, counts, texts, strict=True)
        ]

    def by_model(
        self, encoded: torch.Tensor, lengths: torch.Tensor, texts: Sequence[Sequence[int]], near: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        """The blocks that the model holds for most probable, without dropout."""
        training = self.model.training
        self.model.eval()
        found, _ = realigned(self.model, encoded.detach(), lengths, texts, near, self.options.corridor)
        self.model.train(training)
        return found

    def spelling_loss(
        self,
        encoded: torch.Tensor,
        lengths: torch.Tensor,
        texts: Sequence[Sequence[int]],
        blocks: Sequence[Sequence[int]],
        smoothing: float = 0.0,
    ) -> torch.Tensor:
        """Sum over the batch of -log P of each token and of each block's end, in nats."""
        counts = self.model.blocks.count(lengths).tolist()
        pairs = [with_edges(text, own, count) for text, own, count in zip(texts, blocks, counts, strict=True)]
        targets, places = (
            pad_sequence([torch.tensor(pair[part], dtype=torch.int64, device=encoded.device) for pair in pairs], True, filler)
            for part, filler in ((0, IGNORED), (1, 0))
        )
        if not targets.shape[1]:
            return encoded.sum() * 0.0
        logits = self.model.spell(encoded, lengths, targets.clamp(min=EDGE), places).float().flatten(0, 1)
        return torch.nn.functional.cross_entropy(
            logits, targets.flatten(), ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing
        )

    def hear(self, batch: Batch, found: Heard) -> None:
        encoded, lengths = self.encode(batch)
        texts = [text.tolist() for text in torch.split(batch.tokens, batch.token_lengths.tolist())]
        found.loss += float(self.spelling_loss(encoded, lengths, texts, self.by_head(self.model.head(encoded), lengths, texts)))
        found.frames += self.divisor(batch)
        for truth, written in zip(texts, self.model.greedy(encoded, lengths), strict=True):
            found.pairs.append((self.tokens.decode(truth), self.tokens.decode(written)))
        show_emission(self, self.model.head, encoded, lengths, batch, found)
