"""After each epoch: what the network makes of the dev set, and whether it is time to end."""

from __future__ import annotations

import time

from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.data.cache.building import MAX_BAD_SHARE
from tympan.data.torch_batches import SpeechData
from tympan.data.torch_loading import Loader
from tympan.errors import TrainingError
from tympan.training.run import Run
from tympan.training.tasks.task import Task
from tympan.training.validation import Validation


class Validator(Callback):
    """Adds a row to the history; the validation itself is kept for whoever tells of it.

    Args:
        run: whose dev set it is.
        heart: end as soon as there is no error left (a training that is to learn a few utterances by heart).
    """

    def __init__(self, run: Run, *, heart: bool = False) -> None:
        self.run, self.heart = run, heart
        self.validation: Validation | None = None

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.began = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Task)
        run, place = self.run, self.run.place
        self.seconds = time.monotonic() - self.began  # of the epoch's training
        self.validation = validate(run, module, run.dev)
        place.epoch, place.batch = place.epoch + 1, 0
        place.history.append({"epoch": place.epoch, **self.validation.row()})
        module.errors = [row["wer"] for row in place.history]
        run.train.epoch, run.train.start = place.epoch, 0
        trainer.should_stop = bool(run.over()) or (self.heart and self.validation.wer == self.validation.cer == 0)


def validate(run: Run, task: Task, data: SpeechData) -> Validation:
    """A set through the network as it is, each process its part.

    Raises:
        TrainingError: more than 1 % of its recordings cannot be read any more.
    """
    batches = Loader(data, min(1, run.recipe.data.workers), note=run.display.note)
    validation = task.validate((batch for group in batches for batch in group.batches), ranks=run.ranks)
    if len(validation.skipped) > MAX_BAD_SHARE * len(data.utterances):
        named = "; ".join(f"{name}: {reason}" for name, reason in list(validation.skipped.items())[:5])
        raise TrainingError(
            f"{len(validation.skipped)} of {len(data.utterances)} utterances to validate on cannot be read any more: {named}.",
            run.folder.advice(),
        )
    return validation
