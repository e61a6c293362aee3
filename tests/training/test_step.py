"""Steps: halves give the gradient of the whole, and what is not finite leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.models import build
from tympan.tokens import TokenTable
from tympan.training.objectives import PriorCTC
from tympan.training.recipe import TrainingRecipe
from tympan.training.step import Wishes
from tympan.training.tasks.ctc import CTCTask

TABLE = TokenTable.from_texts(["ab c"])
Training = tuple[CTCTask, torch.optim.Optimizer]


def training(encoder: str = "conformer", **options: Any) -> Training:
    kinds: dict[str, dict[str, Any]] = {
        "conformer": {"dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4, "dropout": 0.0},
        "deepspeech2_keras": {"channels": 4, "rnn_layers": 1, "rnn_dim": 8, "dropout": 0.0},
    }
    torch.manual_seed(0)
    config = {"encoder": {"name": encoder, **kinds[encoder]}}
    task = CTCTask(build(config, 9, len(TABLE)), TABLE, TrainingRecipe(learning_rate=1e-2, warmup_share=0.0, **options), 100)
    return task, task.configure_optimizers()


def batch(*frames: int, seed: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(frames), 64, 9, generator=generator)
    for row, count in enumerate(frames):
        features[row, count:] = 0
    tokens = [TABLE.encode("ab")[: 1 + row % 2] for row in range(len(frames))]
    joined = torch.tensor([token for row in tokens for token in row])
    names = [f"u{row}" for row in range(len(frames))]
    return Batch(features, torch.tensor(frames), joined, torch.tensor(list(map(len, tokens))), ["ab"] * len(frames), names, 1.0)


def weights(task: CTCTask) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in task.model.state_dict().items()}


def memory_for(task: CTCTask, monkeypatch: pytest.MonkeyPatch, utterances: int, *, in_backward: bool = False) -> list[list[str]]:
    """Let the task's loss find no memory for more utterances; the ids of each attempt."""
    attempts: list[list[str]] = []
    original = CTCTask.loss

    def loss(self: CTCTask, data: Batch) -> torch.Tensor:
        attempts.append(data.ids)
        if len(data.ids) <= utterances:
            return original(self, data)
        if not in_backward:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate.")
        value = original(self, data)
        next(iter(self.model.head.parameters())).register_hook(run_out)
        return value

    def run_out(gradient: torch.Tensor) -> torch.Tensor:
        if len(attempts[-1]) > utterances:
            raise MemoryError
        return gradient

    monkeypatch.setattr(CTCTask, "loss", loss)
    return attempts


@pytest.mark.parametrize("in_backward", [False, True])
@pytest.mark.parametrize("fits", [1, 2, 3])
def test_halves_give_the_step_of_the_whole(monkeypatch: pytest.MonkeyPatch, fits: int, in_backward: bool) -> None:
    group = Group([batch(30, 64), batch(64, 20, 41, 33, 12, seed=2)], 2, 2)
    whole, halved = training(), training()
    expected = whole[0].stepper.take(group, whole[1])
    told: list[str] = []
    halved[0].stepper.note = told.append
    memory_for(halved[0], monkeypatch, fits, in_backward=in_backward)
    found = halved[0].stepper.take(group, halved[1])
    assert told and "the longest is u0, 64 frames" in told[-1]
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert found.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-4)
    assert found.skipped == {}


def test_utterance_for_which_memory_never_suffices_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    task, optimizer = training()
    memory_for(task, monkeypatch, 0)
    before = weights(task)
    taken = task.stepper.take(Group([batch(30, 64)], 1, 1), optimizer)
    assert set(taken.skipped) == {"u0", "u1"} and "64 frames" in taken.skipped["u1"]
    assert taken.finite and taken.skips == 2 and taken.loss == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(task).items())


def test_other_errors_are_not_taken_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    task, optimizer = training()
    wrong = replace(batch(30, 64), features=torch.zeros(2, 64, 7))
    with pytest.raises(RuntimeError, match="size"):
        task.stepper.take(Group([wrong], 1, 1), optimizer)


@pytest.mark.parametrize("encoder", ["conformer", "deepspeech2_keras"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_step_that_is_not_finite_changes_nothing_at_all(encoder: str, value: float) -> None:
    task, optimizer = training(encoder, ema_decay=0.9)
    task.stepper.take(Group([batch(30, 64)], 1, 1), optimizer)
    before, averages, rate = weights(task), {n: w.clone() for n, w in task.average.weights.items()}, task.learning_rate()
    bad = batch(64, 64)
    bad.features[1, 5] = value
    taken = task.stepper.take(Group([batch(30, 64), bad], 2, 3), optimizer)
    assert not taken.finite and [one.ids for one in taken.own] == [["u0", "u1"], ["u0", "u1"]]
    assert task.optimizer_steps == 1 and task.learning_rate() == rate
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(task).items()), "running statistics too"
    assert all(torch.equal(tensor, averages[name]) for name, tensor in task.average.weights.items())
    assert task.stepper.take(Group([batch(30, 64)], 1, 4), optimizer).finite


def test_step_that_is_not_finite_leaves_the_objectives_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    task, optimizer = training()
    task.objective = PriorCTC(len(TABLE), 0.3, 0.9)
    assert task.stepper.take(Group([batch(64, 40)], 1, 1), optimizer).finite
    prior, steps = task.objective.prior.clone(), float(task.objective.steps)
    spoiled = batch(64, 40, seed=2)
    spoiled.features[0, 3] = float("nan")
    assert not task.stepper.take(Group([spoiled], 1, 1), optimizer).finite
    assert torch.equal(task.objective.prior, prior) and task.objective.steps == steps == 1
    memory_for(task, monkeypatch, 1)  # the second half of a retry must not see the first one's memory
    assert task.stepper.take(Group([batch(64, 40)], 1, 1), optimizer).finite
    assert task.objective.steps == 1 + 2 and torch.isfinite(task.objective.prior).all()


def test_group_is_the_mean_of_its_batches() -> None:
    one, two = batch(30, 64), batch(64, 20, seed=2)
    task, optimizer = training()
    expected = [task.loss(part).item() for part in (one, two)]
    assert task.stepper.take(Group([one, two], 2, 2), optimizer).loss == pytest.approx(sum(expected) / 2, rel=1e-6)


def test_group_of_nothing_readable_is_a_step_that_changes_no_weight() -> None:
    task, optimizer = training()
    before = weights(task)
    empty = replace(batch(30, 64).part([0]), features=torch.zeros(0, 64, 9), ids=[], texts=[], skipped={"x": "gone"})
    taken = task.stepper.take(Group([empty], 1, 1), optimizer)
    assert taken.finite and taken.skipped == {"x": "gone"}
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(task).items())


def test_wishes_are_granted_once() -> None:
    task, optimizer = training()
    task.stepper.wishes = Wishes(save=True)
    group = Group([batch(30, 64)], 1, 1)
    assert task.stepper.take(group, optimizer).wishes == Wishes(save=True, stop=False)
    assert task.stepper.take(group, optimizer).wishes == Wishes()


def test_part_of_a_batch_is_those_utterances() -> None:
    data = batch(30, 64, 10)
    part = data.part([2, 0])
    assert part.ids == ["u2", "u0"] and part.lengths.tolist() == [10, 30]
    assert part.features.shape == (2, 64, 9) and torch.equal(part.features[1], data.features[0])
    assert part.tokens.tolist() == [*TABLE.encode("ab")[:1], *TABLE.encode("ab")[:1]]
    assert part.seconds == pytest.approx(40 / 104)


def test_part_of_two_views_has_both_of_each_utterance() -> None:
    data = replace(batch(30, 64, 30, 64), views=2, chunk_sizes=torch.tensor([0, 0, 4, 8]))
    part = data.part([1])
    assert part.ids == ["u1", "u3"] and part.lengths.tolist() == [64, 64] and part.views == 2
    assert part.chunk_sizes is not None and part.chunk_sizes.tolist() == [0, 8]
