"""Checkpoints: the last, and the best by WER; a disc that is full for a while ends nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.errors import TrainingError
from tympan.files import atomic_path
from tympan.training.checkpoint import Checkpoint, save_checkpoint
from tympan.training.place import ranked
from tympan.training.run import Run
from tympan.training.state import capture, capture_random
from tympan.training.step import Taken
from tympan.training.tasks.task import Task

RETRY_S = 60.0  # after a checkpoint that could not be written


class Keeper(Callback):
    """Saves the state between steps and after epochs.

    Args:
        run: whose place is kept.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.period = 60 * run.recipe.training.checkpoint_minutes
        self.unwritten: dict[str, Checkpoint] = {}
        self.failing = False

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Task)
        if self.run.first:
            self.run.folder.trim_log(module.optimizer_steps, self.run.place.epoch)
        self.due = time.monotonic() + self.period

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: object, batch_idx: int) -> None:
        assert isinstance(module, Task)
        module.stepper.wishes.save |= self.run.first and time.monotonic() > self.due

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: object, batch_idx: int) -> None:
        taken: Taken = outputs["taken"]
        if taken.wishes.save or taken.wishes.stop:
            self.save(trainer, module, ["last"])

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        recipe = self.run.recipe.training
        kept, best = recipe.keep_best, ranked(self.run.place.history, recipe.best_by)
        row = self.run.place.history[-1]
        names = ["best"] if row is best[0] else []
        if kept > 1 and any(row is other for other in best[:kept]):
            names.append(epoch_name(row))
        self.save(trainer, module, [*names, "last"])
        if self.run.first:
            self.prune({epoch_name(other) for other in best[:kept]} if kept > 1 else set())

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        if self.unwritten:
            self.write(final=True)

    def save(self, trainer: Trainer, module: LightningModule, names: list[str]) -> None:
        """Write NAME.safetensors for each name; all processes must call it, the first one writes."""
        assert isinstance(module, Task)
        random, more = capture_random(self.run.ranks)
        if self.run.first:
            state = capture(module, trainer.optimizers[0], {**self.run.facts, **self.run.place.facts()})
            state = dataclasses.replace(state, random=random, more_random=more)
            self.unwritten |= dict.fromkeys(names, state)
            self.write()
            self.run.folder.tell(epoch=self.run.place.epoch, step=module.optimizer_steps)
        self.due = time.monotonic() + (min(RETRY_S, self.period) if self.unwritten else self.period)

    def write(self, *, final: bool = False) -> None:
        """Write what is not written yet; what there is no room for is kept in memory for the next time.

        "last" comes last, and only when all else is written: a training that is killed then goes on from before, and makes the rest again.

        Raises:
            TrainingError: it cannot be written, and this is the last time.
        """
        written: dict[int, Path] = {}
        for name in sorted(self.unwritten, key=lambda name: name == "last"):
            state, path = self.unwritten[name], self.run.folder.path / f"{name}.safetensors"
            try:
                if id(state) in written:
                    link(written[id(state)], path)
                else:
                    save_checkpoint(path, state)
            except TrainingError as error:
                if final:
                    raise TrainingError(error.message, f"{error.hint} Make room, and give the same command again.") from None
                self.unwritten = {other: detached(state) for other, state in self.unwritten.items()}
                if not self.failing:
                    self.run.display.note(f"{error} The training goes on, and tries again.")
                self.failing = True
                return
            written[id(state)] = path
            del self.unwritten[name]
        if self.failing:
            self.run.display.note("checkpoints are written again")
        self.failing = False

    def prune(self, kept: set[str]) -> None:
        """Remove the epochs that are no longer among the best."""
        for path in self.run.folder.path.glob("epoch-*.safetensors"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)


def epoch_name(row: dict[str, float]) -> str:
    """epoch-0007 for the seventh."""
    return f"epoch-{int(row['epoch']):04d}"


def link(source: Path, path: Path) -> None:
    """A second name for a file; a copy where there is no such thing.

    Raises:
        TrainingError: there is no room for a copy.
    """
    try:
        with atomic_path(path) as temporary:
            try:
                os.link(source, temporary)
            except OSError:
                shutil.copyfile(source, temporary)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written: {error.strerror or error}.") from None


def detached(state: Checkpoint) -> Checkpoint:
    """A copy that the training does not change."""

    def copies(tensors: dict[Any, torch.Tensor]) -> dict[Any, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}

    return dataclasses.replace(state, model=copies(state.model), average=copies(state.average), optimizer=copies(state.optimizer))
