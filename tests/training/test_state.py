"""A training that was captured, written, read and restored goes on bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.errors import CheckpointError
from tympan.models import build
from tympan.tokens import TokenTable
from tympan.training.checkpoint import load_checkpoint, save_checkpoint
from tympan.training.objectives import build_objective
from tympan.training.recipe import TrainingRecipe
from tympan.training.state import capture, restore
from tympan.training.tasks.ctc import CTCTask

TOKENS = TokenTable.from_texts(["abc"])
PLACE: dict[str, Any] = {
    **{key: {} for key in ("recipe", "tokens", "model", "features")},
    "hours": 1.0,
    "dev_hours": 1.0,
    "version": "0.1.0",
    "epoch": 0,
    "batch": 0,
    "history": [],
}
OPTIONS = {"learning_rate": 1e-2, "warmup_share": 0.5, "ema_decay": 0.9}
Training = tuple[CTCTask, torch.optim.Optimizer]


def begin(seed: int = 0, options: dict[str, Any] | None = None, **changes: Any) -> Training:
    encoder = {"name": "conformer", "dim": 16, "layers": 3, "heads": 2, "kernel": 3, "dropout": 0.3, "layer_drop": 0.5, "subsampling": 4}
    torch.manual_seed(seed)
    recipe = TrainingRecipe.model_validate({**OPTIONS, **(options or {})})
    objective = build_objective(recipe.objective, len(TOKENS), [[1, 2], [3], [2, 3, 3]])
    task = CTCTask(build({"encoder": {**encoder, **changes}}, 9, len(TOKENS)), TOKENS, recipe, 12, objective)
    return task, task.configure_optimizers()


def batch(number: int) -> Batch:
    generator = torch.Generator().manual_seed(number)
    features = torch.randn(2, 24, 9, generator=generator)
    return Batch(features, torch.tensor([24, 20]), torch.tensor([1, 2, 3]), torch.tensor([2, 1]), ["ab", "c"], ["x", "y"], 0.5)


def go_on(training: Training, first: int, last: int) -> list[float]:
    """Steps first to last - 1 as Lightning takes them; their losses."""
    task, optimizer = training
    losses = []

    for number in range(first, last):
        losses.append(task.stepper.take(Group([batch(number)], 1, number + 1), optimizer).loss)
    return losses


CHOICES: list[dict[str, Any]] = [
    {},
    {"optimizer": "novograd", "schedule": "noam"},
    {"schedule": "cosine", "objective": {"kind": "ctc-priors", "decay": 0.5}},
    {"schedule": "constant", "objective": {"kind": "ctc-crf", "order": 2}},
]


@pytest.mark.parametrize("options", CHOICES)
@pytest.mark.parametrize("broken_at", [0, 1, 5])
def test_restored_training_takes_the_same_steps_bit_for_bit(broken_at: int, options: dict[str, Any], tmp_path: Path) -> None:
    whole = begin(options=options)
    losses = go_on(whole, 0, 10)

    broken = begin(options=options)
    go_on(broken, 0, broken_at)
    save_checkpoint(tmp_path / "last", capture(*broken, PLACE))
    go_on(broken, broken_at, 7)  # what a killed run did after its last checkpoint must not matter

    resumed = begin(seed=99, options=options)
    loaded = load_checkpoint(tmp_path / "last")
    restore(*resumed, loaded)
    torch.set_rng_state(loaded.random)
    assert go_on(resumed, broken_at, 10) == losses[broken_at:]
    assert len(set(losses)) == 10
    one, other = capture(*whole, PLACE), capture(*resumed, PLACE)
    assert one.facts == other.facts and one.facts["step"] == one.facts["average_steps"] == 10
    assert torch.equal(one.random, other.random)
    for part in ("model", "average", "optimizer", "objective"):
        assert getattr(one, part).keys() == getattr(other, part).keys()
        assert all(torch.equal(tensor, getattr(other, part)[name]) for name, tensor in getattr(one, part).items()), part


def test_capture_holds_every_state_of_the_optimizer(tmp_path: Path) -> None:
    training = begin(layer_drop=0.0)
    go_on(training, 0, 1)
    found = capture(*training, PLACE)
    names = [name for name, _ in training[0].model.named_parameters()]
    assert set(found.optimizer) == {(name, key) for name in names for key in ("step", "exp_avg", "exp_avg_sq")}
    assert set(found.average) == set(names)


def test_capture_holds_the_state_of_novograd_and_of_the_objective() -> None:
    training = begin(options={"optimizer": "novograd", "objective": {"kind": "ctc-priors"}}, layer_drop=0.0)
    go_on(training, 0, 1)
    found = capture(*training, PLACE)
    names = [name for name, _ in training[0].model.named_parameters()]
    assert set(found.optimizer) == {(name, key) for name in names for key in ("square", "momentum")}
    assert set(found.objective) == {"prior", "steps"} and found.objective["steps"] == 1


def test_checkpoint_of_another_objective_is_refused() -> None:
    with pytest.raises(CheckpointError, match="do not fit the recipe's network"):
        restore(*begin(options={"objective": {"kind": "ctc-priors"}}), capture(*begin(), PLACE))


def test_plateau_falls_by_the_validations_of_the_run_that_is_resumed() -> None:
    options = {"schedule": "plateau", "warmup_share": 0.0, "plateau_patience": 2, "plateau_factor": 0.1}
    training = begin(options=options)
    go_on(training, 0, 1)
    assert training[0].learning_rate() == 1e-2
    history = [{"epoch": epoch, "wer": wer, "cer": 0.0} for epoch, wer in enumerate([0.5, 0.4, 0.4, 0.6], 1)]
    resumed = begin(options=options)
    restore(*resumed, capture(*training, {**PLACE, "history": history}))
    assert resumed[0].errors == [0.5, 0.4, 0.4, 0.6]
    assert resumed[0].learning_rate() == pytest.approx(1e-3)


def test_restored_rate_is_that_of_the_step(tmp_path: Path) -> None:
    training = begin()
    go_on(training, 0, 4)
    resumed = begin(seed=1)
    restore(*resumed, capture(*training, PLACE))
    assert resumed[0].learning_rate() == training[0].learning_rate() != begin()[0].learning_rate()


def test_checkpoint_of_another_network_is_refused() -> None:
    training = begin()
    go_on(training, 0, 1)
    with pytest.raises(CheckpointError, match="do not fit the recipe's network"):
        restore(*begin(dim=32), capture(*training, PLACE))


def test_checkpoint_without_the_averages_is_refused() -> None:
    training = begin()
    found = capture(*training, PLACE)
    found.average = {}
    with pytest.raises(CheckpointError, match="do not fit"):
        restore(*begin(), found)
