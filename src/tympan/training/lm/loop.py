"""`train`: texts become a run's folder with checkpoints, curves and the best weights. A small loop: one process, one device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from tympan.errors import CheckpointError
from tympan.locks import FileLock
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.lm.prepare import prepare
from tympan.training.lm.recipe import LMRecipe
from tympan.training.lm.sentences import epoch_order
from tympan.training.lm.state import LOG_STEPS, Told, Training
from tympan.training.resuming import begin_anew, flatten
from tympan.training.run_folder import LOCK, RunFolder, since
from tympan.training.watch import this_process

# What makes no other training of it.
RESUMABLE = {"training.max_epochs", "training.patience", "training.checkpoint_minutes", "training.threads", "training.accelerator"}


def train(
    recipe: LMRecipe,
    folder: Path,
    told: Told,
    *,
    resume: bool = False,
    fresh: bool = False,
    on_batch: Callable[[Training], None] = lambda training: None,
) -> Path:
    """Train, or go on with a training, and return the path of the best checkpoint.

    Args:
        recipe: what to do.
        folder: of the run; a training that is in it and not finished goes on.
        told: how it goes.
        resume: go on also with a finished one, if the recipe has more epochs by now.
        fresh: begin anew; a run that is in `folder` is kept beside it.
        on_batch: called after each batch.

    Raises:
        TrainingError: the training ran, and cannot go on.
        TympanError: anything in recipe, texts or checkpoint that prevents the training.
    """
    run = RunFolder(folder)
    if fresh:
        begin_anew(run, told)
    run.check_free()
    run.make()
    checkpoint = load_checkpoint(run.last) if run.last.exists() else None
    if checkpoint is not None:
        check_same(recipe, checkpoint, folder)
    lock = FileLock(folder / LOCK)
    with contextlib.suppress(OSError):  # a file system without locks
        lock.acquire(this_process(), wait=True)
    try:
        training = prepare(recipe, run, told)
        if checkpoint is not None:
            go_on(training, checkpoint, resume=resume)
        describe(training, resumed=checkpoint is not None)
        fit(training, on_batch)
        run.tell(state="finished", reason=training.over())
    except BaseException as error:
        run.tell(state="stopped", reason=str(error) or type(error).__name__)
        raise
    finally:
        lock.release()
    return run.best


def fit(training: Training, on_batch: Callable[[Training], None]) -> None:
    """Epoch after epoch."""
    settings, folder = training.recipe.training, training.folder
    saved = began = time.monotonic()
    spent = float(folder.known.get("seconds", 0.0)) if training.step else 0.0
    training.model.train()
    while not training.over():
        order = epoch_order(len(training.plan), training.recipe.seed, training.epoch)
        title = f"epoch {training.epoch + 1}/{settings.max_epochs}"
        while training.batch < len(order):
            training.learn(training.plan[order[training.batch]])
            training.batch += 1
            recent = training.losses[-LOG_STEPS:]
            told = f"{title}  loss {sum(recent) / len(recent):.4f}" if recent else title
            training.told.progress(told, training.batch, len(order))
            if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
                training.save(folder.last)
                saved = time.monotonic()
            on_batch(training)
        found = training.validate()
        lowest = all(found["perplexity"] < row["perplexity"] for row in training.history)
        training.log({f"dev/{name}": value for name, value in found.items()})
        training.epoch, training.batch = training.epoch + 1, 0
        training.history.append({"epoch": float(training.epoch), **found})
        if lowest:
            training.save(folder.best)
        training.save(folder.last)
        saved = time.monotonic()
        seconds = round(spent + saved - began, 1)
        folder.tell(state="running", epoch=training.epoch, step=training.step, steps=training.steps, seconds=seconds)
        rates = f"perplexity {found['perplexity']:.3f} a token, {found['word_perplexity']:.1f} a word"
        training.told.note(f"{title}  {rates}{'  lowest so far' if lowest else ''}  {seconds:.0f} s")


def go_on(training: Training, checkpoint: Checkpoint, *, resume: bool) -> None:
    """Take the checkpoint's state; CheckpointError if the texts are other ones, or there is nothing left to do."""
    if checkpoint.facts["tokens"].get("hash") != training.table.hash or checkpoint.facts["data_sha256"] != training.train.sha256:
        raise CheckpointError(
            f"The texts or tokens of the run in {training.folder.path} were other ones.", "Name another folder by --run, or --fresh."
        )
    training.restore(checkpoint)
    over = training.over()
    if over and not resume:
        raise CheckpointError(
            f"{training.folder.path} holds a finished training: {over}.",
            "--fresh begins anew; --resume with a larger training.max_epochs goes on; --run names another folder.",
        )
    training.folder.trim_log(training.step, training.epoch)
    training.told.note(f"resuming run {training.folder.path.name} at step {training.step:,}, {since(training.folder.last)} ago")


def check_same(recipe: LMRecipe, checkpoint: Checkpoint, folder: Path) -> None:
    """CheckpointError if the recipe differs from the run's in anything that would make another training of it."""
    now, then = flatten(recipe.model_dump(mode="json")), flatten(checkpoint.facts["recipe"])
    keys = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key) and key not in RESUMABLE)
    if keys:
        changed = "; ".join(f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in keys[:5])
        raise CheckpointError(
            f"The run in {folder} was begun with another recipe: {changed}.", "Name another folder by --run, or begin anew by --fresh."
        )


def describe(training: Training, *, resumed: bool) -> None:
    """Let the run's folder say what it is."""
    facts = {
        "data_sha256": training.train.sha256,
        "sentences": {"train": len(training.train), "dev": len(training.dev)},
        "tokens": {"train": len(training.train.tokens), "dev": len(training.dev.tokens)},
        "left_out": {"train": training.train.left_out, "dev": training.dev.left_out},
    }
    training.folder.clean()
    training.folder.describe(training.recipe.model_dump(mode="json"), facts, resumed=resumed)
    training.folder.tell(state="running", steps=training.steps, epochs=training.recipe.training.max_epochs, epoch=training.epoch)
