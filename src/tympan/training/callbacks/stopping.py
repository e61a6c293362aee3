"""Signals: the first one ends the training after the step, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.errors import TrainingError
from tympan.training.run import Run
from tympan.training.step import Taken
from tympan.training.tasks.task import Task

# Ctrl-C; what systems send before they take a machine away; what SLURM sends before its time limit if `--signal=USR1@120` asks for it.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]


class Stopper(Callback):
    """Comes last, when the checkpoint is written. A second signal ends the process at once.

    Args:
        run: whose folder is named.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.caught = ""
        self.handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            self.handlers = {number: signal.signal(number, self.catch) for number in SIGNALS}

    def catch(self, number: int, _: FrameType | None) -> None:
        """The signals' handler."""
        self.caught = signal.Signals(number).name
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: object, batch_idx: int) -> None:
        assert isinstance(module, Task)
        module.stepper.wishes.stop |= bool(self.caught)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: object, batch_idx: int) -> None:
        assert isinstance(module, Task)
        taken: Taken = outputs["taken"]
        if taken.wishes.stop:
            by = next(filter(None, self.run.ranks.gather(self.caught)))
            raise TrainingError(f"Stopped by {by} after step {module.optimizer_steps:,} of {self.run.steps:,}.", self.run.folder.advice())

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.give_back()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Restore the handlers from before."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}
