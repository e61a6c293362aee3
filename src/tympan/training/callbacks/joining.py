"""The processes of a training meet, agree on where it stands, and watch each other."""

from __future__ import annotations

import sys

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.place import Place
from tympan.training.ranks import Ranks
from tympan.training.run import Run
from tympan.training.state import restore, restore_random
from tympan.training.tasks.task import Task
from tympan.training.watch import Watch


class Joiner(Callback):
    """Comes first: before it, a process knows only itself.

    Args:
        run: its place and ranks are set here.
        resume: the state to go on from; only the first process has to know it, the others read it when they are told.
    """

    def __init__(self, run: Run, resume: Checkpoint | None) -> None:
        self.run, self.resume = run, resume
        self.watch: Watch | None = None

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Task)
        run = self.run
        ranks = run.ranks = Ranks(trainer.global_rank, trainer.world_size, module.device)
        self.watch = Watch(run.folder.path / "ranks", ranks.rank, ranks.world_size, self.told)
        seen = all(ranks.gather(self.watch.claim()))  # nobody looks for anybody before all have come
        if run.first:
            run.folder.clean()
        if seen and ranks.world_size > 1:
            ranks.watch = self.watch
            self.watch.start()
        module.stepper.ranks = ranks
        module.stepper.note = lambda text: run.display.note(text if run.first else f"rank {ranks.rank}: {text}")
        for data in (run.train, run.dev, run.watch):
            if data is not None:
                data.rank, data.world_size = ranks.rank, ranks.world_size
        if run.recipe.training.threads:  # Lightning shares the cores out among processes
            torch.set_num_threads(run.recipe.training.threads)
        if ranks.of_first(self.resume is not None):
            self.go_on(trainer, module)
        else:
            ranks.same(tensor.detach() for tensor in (*module.model.parameters(), *module.model.buffers()))
            if ranks.rank:  # the first process draws what a single one would
                torch.manual_seed(run.recipe.seed + ranks.rank)
        run.train.epoch, run.train.start = run.place.epoch, run.place.batch
        place_epoch(trainer, run.place.epoch)
        trainer.should_stop = bool(run.over())

    def go_on(self, trainer: Trainer, module: Task) -> None:
        """Restore the last checkpoint's state."""
        checkpoint = self.resume or load_checkpoint(self.run.folder.last)
        restore(module, trainer.optimizers[0], checkpoint)
        self.run.place = Place.of(checkpoint.facts)
        self.resume = checkpoint

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: object, batch_idx: int) -> None:
        if self.resume is not None:  # not before: whatever else draws a number must not shift the dropout
            restore_random(self.resume, self.run.ranks, self.run.recipe.seed)
            self.resume = None

    def told(self, sentence: str) -> None:
        """Of a death, in the first process that lives."""
        self.run.folder.tell(state="stopped", reason=sentence)
        self.run.display.stop()
        print(f"tympan: {sentence} {self.run.folder.advice()}", file=sys.stderr)

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        self.run.ranks.gather(None)  # a process that is done must not look like one that died
        self.leave()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.leave()

    def leave(self) -> None:
        if self.watch is not None:
            self.watch.stop()


def place_epoch(trainer: Trainer, epoch: int) -> None:
    """Let Lightning count epochs from `epoch`; the place within it is the data's own."""
    progress = trainer.fit_loop.epoch_progress.current
    for name in ("ready", "started", "processed", "completed"):
        setattr(progress, name, epoch)
