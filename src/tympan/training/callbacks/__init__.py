"""What happens around the steps of a training: one file a concern, called in the order of `callbacks`."""

from __future__ import annotations

from lightning.pytorch import Callback

from tympan.training.callbacks.averaging import Averager, mean_weights
from tympan.training.callbacks.joining import Joiner
from tympan.training.callbacks.judging import Judge
from tympan.training.callbacks.keeping import Keeper
from tympan.training.callbacks.stopping import Stopper
from tympan.training.callbacks.surviving import Survivor
from tympan.training.callbacks.telling import Teller
from tympan.training.callbacks.validating import Validator
from tympan.training.checkpoint import Checkpoint
from tympan.training.loggers import Sink
from tympan.training.run import Run

__all__ = ["Averager", "Joiner", "Judge", "Keeper", "Stopper", "Survivor", "Teller", "Validator", "callbacks", "mean_weights"]


def callbacks(run: Run, resume: Checkpoint | None, sinks: list[Sink], *, heart: bool = False) -> list[Callback]:
    """All of them, in an order that matters: the processes meet; what a step or an epoch gave enters the place; it is told, then
    kept, and only then may a signal end the training."""
    validator = Validator(run, heart=heart)
    told = [validator, Teller(run, validator, sinks)]
    return [Joiner(run, resume), Judge(run), Survivor(run), *told, Keeper(run), Averager(run), Stopper(run)]
