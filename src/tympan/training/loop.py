"""`train`: a recipe becomes a run's folder with checkpoints, curves and a bundle."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from tympan import __version__
from tympan.errors import CheckpointError, RecipeError
from tympan.files import write_atomically
from tympan.models.ctc import CTCModel
from tympan.training.callbacks import Display, Keeper
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.initial import take_weights
from tympan.training.prepare import Prepared, Progress, prepare
from tympan.training.recipe import Recipe, check_recipe
from tympan.training.tasks.ctc import CTCTask

RESUMABLE = {"description", "data.workers", "data.cache", "training.threads", "training.checkpoint_minutes", "training.max_epochs"}


def train(recipe: Recipe, folder: Path, progress: Progress, display: Display, *, resume: bool = False) -> Path:
    """Train, or go on with a training, and return the path of the best checkpoint.

    Args:
        recipe: what to do.
        folder: of the run; made if it is not there.
        progress: shows the preparation.
        display: shows the training.
        resume: go on from `folder`/last.safetensors; if the run never got that far, begin.

    Raises:
        TympanError: anything in recipe, data or checkpoint that prevents the training.
    """
    last = folder / "last.safetensors"
    if last.exists() and not resume:
        raise CheckpointError(f"{folder} holds a training already.", "Go on with it by --resume, or name another folder by --run.")
    checkpoint = load_checkpoint(last) if resume and last.exists() else None
    if checkpoint is not None:
        check_same(recipe, checkpoint, folder)
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    prepared = prepare(recipe, progress)
    if checkpoint is not None and checkpoint.facts["tokens"].get("hash") != prepared.tokens.hash:
        raise CheckpointError(f"The transcripts of the run in {folder} had other characters.", "Name another folder by --run.")
    if recipe.training.initial is not None and checkpoint is None:
        taken = take_weights(prepared.model, prepared.tokens, recipe.training.initial)
        display.note(f"begins with {recipe.training.initial}: {taken}")
    freeze(prepared.model, recipe.training.freeze)
    tell(prepared, checkpoint, display)
    describe_run(recipe, prepared, folder)
    steps = sum(-(-len(prepared.train.plan(epoch)) // recipe.training.accumulate) for epoch in range(recipe.training.max_epochs))
    task = CTCTask(prepared.model, prepared.tokens, recipe.training, steps, prepared.objective)
    facts: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "tokens": prepared.tokens.to_dict(),
        "model": prepared.model_config,
        "features": prepared.train.extractor.config(),
        "streaming": prepared.streaming,
        "data_sha256": data_hash(prepared),
        "hours": float(prepared.train.cache.durations()[list(prepared.train.positions)].sum() / 3600),
        "dev_hours": float(prepared.dev.cache.durations()[list(prepared.dev.positions)].sum() / 3600),
        "version": __version__,
    }
    workers = recipe.data.workers
    keeper = Keeper(folder, prepared.train, prepared.dev, workers, facts, recipe.training.checkpoint_minutes, display, checkpoint)
    trainer = make_trainer(recipe, folder, keeper)
    if recipe.training.initial is not None and checkpoint is None:
        judge(task, prepared, display, "before the first step")
    if keeper.epoch < recipe.training.max_epochs:
        place_epoch(trainer, keeper.epoch)
        trainer.fit(task, train_dataloaders=prepared.train.loader(workers))
        if prepared.watch is not None:
            judge(task, prepared, display, "after the last step")
    return folder / "best.safetensors"


def freeze(model: CTCModel, prefixes: Sequence[str]) -> None:
    """Keep the parameters whose names begin with one of `prefixes` as they are; RecipeError names a prefix of none."""
    names = [name for name, _ in model.named_parameters()]
    if wrong := [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names)]:
        raise RecipeError(f"training.freeze: no parameter's name begins with {wrong[0]!r}.", f"Names are {', '.join(names[:3])}, ...")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(prefixes)))


def judge(task: CTCTask, prepared: Prepared, display: Display, when: str) -> None:
    """Tell the error rates on the dev set and on the watched one."""
    for name, data in (("dev", prepared.dev), ("watch", prepared.watch)):
        if data is not None:
            found = task.validate(data.loader(0))
            display.note(f"{when}: WER {found.wer:.2%}, CER {found.cer:.2%} on data.{name}")


def tell(prepared: Prepared, checkpoint: Checkpoint | None, display: Display) -> None:
    """Say what is left out, what is unusual, and where a resumed training goes on."""
    for finding in prepared.findings:
        display.note(f"doctor: {finding}")
    if prepared.left_out:
        count, first = len(prepared.left_out), next(iter(prepared.left_out.values()))
        display.note(f"{count} utterances are left out, named in run.json; the first: {first}")
    if told := prepared.objective.describe():
        display.note(told)
    extractor = prepared.train.extractor
    if empty := getattr(getattr(extractor, "filters", None), "empty", ()):  # SEED correction C17
        display.note(f"{len(empty)} of the {extractor.num_features} bands of {extractor.name} are always zero; fbank80 has none of these")
    if checkpoint is not None:
        facts = checkpoint.facts
        display.note(f"resuming in epoch {facts['epoch'] + 1} after {facts['batch']} of its batches, {facts['step']} steps in all")
        if facts.get("data_sha256") != data_hash(prepared):
            display.note("the utterances or their texts are not those that the run began with")


def data_hash(prepared: Prepared) -> str:
    """SHA-256 over ids and texts of all utterances that are used."""
    digest = hashlib.sha256()
    for utterance in (*prepared.train.utterances, *prepared.dev.utterances):
        digest.update(f"{utterance.id}\0{utterance.text}\n".encode())
    return digest.hexdigest()


def make_trainer(recipe: Recipe, folder: Path, keeper: Keeper) -> Trainer:
    """Lightning's loop with our checkpoints and display in place of its own."""
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators.cuda", "lightning.fabric.utilities.seed"):
        logging.getLogger(name).setLevel(logging.WARNING)  # its advertisements, not its warnings
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")  # the recipe chose the workers
    warnings.filterwarnings("ignore", message=".*defined a `validation_step`.*")
    return Trainer(
        max_epochs=recipe.training.max_epochs,
        precision=recipe.training.precision,
        gradient_clip_val=recipe.training.gradient_clip,
        accumulate_grad_batches=recipe.training.accumulate,
        callbacks=[keeper],
        logger=TensorBoardLogger(folder, name="", version="tensorboard"),
        accelerator="auto",
        devices=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )


def place_epoch(trainer: Trainer, epoch: int) -> None:
    """Let Lightning count epochs from `epoch`; the place within it is the data's own."""
    progress = trainer.fit_loop.epoch_progress.current
    for name in ("ready", "started", "processed", "completed"):
        setattr(progress, name, epoch)


def check_same(recipe: Recipe, checkpoint: Checkpoint, folder: Path) -> None:
    """CheckpointError if the recipe differs from the run's in anything that would make another training of it."""
    now, then = flatten(recipe.model_dump(mode="json")), flatten(completed(checkpoint.facts["recipe"]))
    changed = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key) and key not in RESUMABLE)
    if changed:
        listed = "; ".join(f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in changed[:5])
        raise CheckpointError(f"The run in {folder} was begun with another recipe: {listed}.", "Name another folder by --run.")


def completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """A run's recipe with the defaults of keys that came after it."""
    try:
        return check_recipe(recipe, "of the run").model_dump(mode="json")
    except RecipeError:  # it has keys or values that are no more; then these differ
        return recipe


def flatten(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def describe_run(recipe: Recipe, prepared: Prepared, folder: Path) -> None:
    """Write what the run is: the resolved recipe, versions, the data's hash, the command."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "command": sys.argv,
        "data_sha256": data_hash(prepared),
        "left_out": prepared.left_out,
        "findings": prepared.findings,
        "utterances": {"train": len(prepared.train.utterances), "dev": len(prepared.dev.utterances)},
        "tympan": __version__,
        "torch": torch.__version__,
        "lightning": lightning.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    write_atomically(folder / "recipe.yaml", yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True).encode())
    write_atomically(folder / "run.json", json.dumps(facts, indent=1).encode())
