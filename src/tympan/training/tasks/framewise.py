"""The CTC head of a family that makes its text otherwise: its loss in training, its emission in validations."""

from __future__ import annotations

import torch

from tympan.data.torch_batches import Batch
from tympan.models.heads.ctc import CTCHead
from tympan.training.tasks.ctc import blank_share, disagreement
from tympan.training.tasks.task import Task
from tympan.training.validation import Emission, Heard


def head_loss(task: Task, log_probs: torch.Tensor, rows: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The task's objective, with two views plus their disagreement; divided by the rows, a scalar.

    Args:
        task: whose objective and share of blanks it is.
        log_probs: (B, T'', V) of the head.
        rows: (B,) valid ones.
        batch: what is heard.
    """
    if task.watched:
        task.blank_share = blank_share(log_probs.detach(), rows)
    loss: torch.Tensor = task.objective(log_probs, rows, batch.tokens, batch.token_lengths)
    if batch.views == 2 and task.recipe.consistency:
        loss = loss + task.recipe.consistency * disagreement(log_probs, rows)
    return loss


def show_emission(task: Task, head: CTCHead, encoded: torch.Tensor, lengths: torch.Tensor, batch: Batch, found: Heard) -> None:
    """The first utterance of a validation as the head hears it."""
    if found.emission is None:
        features = batch.features[0, : int(batch.lengths[0])].float().cpu().numpy()
        rows = task.objective.heard(head(encoded[:1]), head.output_lengths(lengths[:1]))
        found.emission = Emission(features, rows[0, : int(head.output_lengths(lengths[:1])[0])].float().cpu().numpy())
