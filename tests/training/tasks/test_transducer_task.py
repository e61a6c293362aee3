"""The transducer's training: its loss, the CTC head beside it, and what a validation hears."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tympan.data.torch_batches import Batch
from tympan.models.families import build_model
from tympan.tokens import TokenTable
from tympan.training.objectives import ctc_loss
from tympan.training.objectives.transducer import transducer_loss
from tympan.training.recipe import TrainingRecipe, TransducerRecipe
from tympan.training.tasks import TransducerTask, make_task
from tympan.training.validation import Heard

TABLE = TokenTable(("<blank>", " ", "a", "b"))
CONFIG: dict[str, Any] = {
    "family": "transducer",
    "encoder": {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4, "dropout": 0.0},
    "predictor": {"name": "stateless", "dim": 8},
    "joiner": {"dim": 8},
}


def a_task(*, ctc_head: bool = False, **options: Any) -> TransducerTask:
    torch.manual_seed(0)
    model = build_model({**CONFIG, "ctc_head": ctc_head}, 8, len(TABLE)).eval()
    task = make_task(model, TABLE, TrainingRecipe(transducer=TransducerRecipe(**options) if options else None), 10)
    assert isinstance(task, TransducerTask)
    return task


def a_batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(3, 64, 8, generator=generator)
    lengths, token_lengths = torch.tensor([64, 40, 52]), torch.tensor([3, 0, 1])
    return Batch(features, lengths, torch.tensor([2, 3, 2, 2]), token_lengths, ["aba", "", "a"], ["x", "y", "z"], 1.5)


def test_loss_is_that_of_each_utterance_alone_summed_and_divided_by_the_frames() -> None:
    task, batch = a_task(), a_batch()
    alone = torch.zeros(())
    starts = [0, 3, 3]
    for index, start in enumerate(starts):
        length, count = batch.lengths[index : index + 1], batch.token_lengths[index : index + 1]
        targets = batch.tokens[start : start + int(count)][None]
        log_probs, frames = task.model(batch.features[index : index + 1, : int(length)], length, targets)
        label = log_probs[:, :, :-1].gather(3, targets[:, None, :, None].expand(-1, log_probs.shape[1], -1, 1))[..., 0]
        alone = alone + transducer_loss(log_probs[..., 0], label, frames, count).sum()
    assert task.loss(batch).item() == pytest.approx(alone.item() / task.divisor(batch), rel=1e-4)


@pytest.mark.parametrize("ctc_weight", [None, 0.6])
def test_ctc_head_has_its_weight_in_the_loss(ctc_weight: float | None) -> None:
    task, batch = a_task(ctc_head=True, **({} if ctc_weight is None else {"ctc_weight": ctc_weight})), a_batch()
    encoded, lengths = task.model.encoder(batch.features, batch.lengths)
    assert task.model.head is not None
    ctc = ctc_loss(task.model.head(encoded), task.model.head.output_lengths(lengths), batch.tokens, batch.token_lengths)
    weight = 0.3 if ctc_weight is None else ctc_weight
    expected = (1 - weight) * task.lattice_loss(encoded, lengths, batch) + weight * ctc
    assert task.loss(batch).item() == pytest.approx(expected.item(), rel=1e-6)


def test_chunks_of_the_lattice_change_neither_loss_nor_gradient() -> None:
    gradients = []
    for chunk in (0, 2):
        task = a_task(chunk=chunk)
        loss = task.loss(a_batch())
        loss.backward()
        gradients.append((loss.item(), [parameter.grad for parameter in task.model.parameters() if parameter.grad is not None]))
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-6)
    for one, other in zip(gradients[0][1], gradients[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_utterance_without_a_frame_leaves_the_loss_finite() -> None:
    task, batch = a_task(), a_batch()
    batch.lengths[1] = 0
    loss = task.loss(batch)
    loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.parametrize("ctc_head", [False, True])
def test_validation_sums_the_loss_over_frames_and_draws_only_what_a_ctc_head_gives(ctc_head: bool) -> None:
    task, batch, found = a_task(ctc_head=ctc_head), a_batch(), Heard()
    with torch.no_grad():
        task.hear(batch, found)
        encoded, lengths = task.model.encoder(batch.features, batch.lengths)
        expected = float(task.lattice_loss(encoded, lengths, batch))
    assert found.frames == int(lengths.sum()) and found.loss / found.frames == pytest.approx(expected)
    assert [reference for reference, _ in found.pairs] == ["aba", "", "a"]
    assert found.frames - found.blanks == sum(len(text) for _, text in found.pairs)
    assert (found.emission is not None) == ctc_head
