"""What a model could do before it went on learning, and what it can do after: on the dev set, and on another that is only watched."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.training.callbacks.validating import validate
from tympan.training.run import Run
from tympan.training.tasks.task import Task


class Judge(Callback):
    """Tells rates before the first step of a training that begins with another's weights, and after the last of one that is watched.

    Args:
        run: whose sets they are.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Task)
        if self.run.recipe.training.initial is not None and module.optimizer_steps == 0:
            self.judge(module, "before the first step")

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Task)
        if self.run.watch is not None:
            self.judge(module, "after the last step")

    def judge(self, task: Task, when: str) -> None:
        """Both sets through the network as it is."""
        for name, data in (("dev", self.run.dev), ("watch", self.run.watch)):
            if data is not None:
                found = validate(self.run, task, data)
                self.run.display.note(f"{when}: {found.measure} {found.wer:.2%}, CER {found.cer:.2%} on data.{name}")
