"""`train`: a recipe becomes a run's folder with checkpoints, curves and a bundle."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Callback, Trainer

from tympan import __version__
from tympan.data.torch_loading import Loader
from tympan.errors import CheckpointError
from tympan.training.callbacks import callbacks
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.featurizing import Featurizer
from tympan.training.initial import freeze, take_weights
from tympan.training.loggers import check_installed, open_sinks
from tympan.training.overfit import by_heart, check_learnt, learn_few
from tympan.training.place import Place, ranked
from tympan.training.precision import precision_here
from tympan.training.prepare import Prepared, Progress, prepare
from tympan.training.ranks import Processes, own_rank, started_by_slurm, topology
from tympan.training.recipe import Recipe
from tympan.training.resuming import batches_per_step, begin_anew, data_hash, decide, manifest_facts, what_changed
from tympan.training.run import Display, Run, Silence
from tympan.training.run_folder import RunFolder
from tympan.training.tasks import make_task

QUIET = ("pytorch.utilities.rank_zero", "pytorch.accelerators.cuda", "fabric.utilities.seed", "fabric.utilities.distributed")


def train(
    recipe: Recipe, folder: Path, progress: Progress, display: Display, *, resume: bool = False, fresh: bool = False, overfit: int = 0
) -> Path:
    """Train, or go on with a training, and return the path of the best checkpoint.

    Args:
        recipe: what to do.
        folder: of the run; made if it is not there. A training that is in it and not finished goes on.
        progress: shows the preparation.
        display: shows the training.
        resume: go on also with a finished one, if the recipe has more epochs by now.
        fresh: begin anew; a run that is in `folder` is kept beside it.
        overfit: train and validate on so many utterances, unchanged, until they are known by heart.

    Raises:
        TrainingError: the training ran, and cannot go on.
        TympanError: anything in recipe, data or checkpoint that prevents the training.
    """
    run_folder = RunFolder(folder)
    first = own_rank() == 0
    display = display if first else Silence()
    check_installed(recipe)
    recipe = by_heart(recipe) if overfit else recipe
    if fresh and first:
        begin_anew(run_folder, display)
    checkpoint = decide(run_folder, recipe, display, resume=resume) if first else None
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    prepared = prepare(recipe, progress)
    if overfit:
        learn_few(prepared, overfit)
    if checkpoint is not None and checkpoint.facts["tokens"].get("hash") != prepared.tokens.hash:
        raise CheckpointError(f"The transcripts of the run in {folder} had other characters.", "Name another folder by --run.")
    if recipe.training.initial is not None and checkpoint is None:
        taken = take_weights(prepared.model, prepared.tokens, recipe.training.initial)
        display.note(f"begins with {recipe.training.initial}: {taken}")
    freeze(prepared.model, recipe.training.freeze)
    run = make_run(recipe, run_folder, prepared, display, checkpoint)
    if first:
        tell(run, prepared, checkpoint)
        describe(run, prepared)
        run_folder.tell(overfit=overfit)
    fit(run, prepared, checkpoint, heart=bool(overfit))
    if overfit:
        display.note(check_learnt(run))
    return best_of(run)


def make_run(recipe: Recipe, folder: RunFolder, prepared: Prepared, display: Display, checkpoint: Checkpoint | None) -> Run:
    """What the callbacks share."""
    batches = prepared.train.step_batches = batches_per_step(recipe)
    steps = sum(-(-len(prepared.train.plan(epoch)) // batches) for epoch in range(recipe.training.max_epochs))
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
        "batches_per_step": batches,
    }
    place = Place() if checkpoint is None else Place.of(checkpoint.facts)
    return Run(recipe, folder, prepared.tokens, prepared.train, prepared.dev, prepared.watch, steps, facts, display, place)


def tell(run: Run, prepared: Prepared, checkpoint: Checkpoint | None) -> None:
    """Say what is left out, what is unusual, and whether a resumed training has other data than it began with."""
    display = run.display
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
    if checkpoint is not None and checkpoint.facts.get("data_sha256") != run.facts["data_sha256"]:
        display.note(f"the utterances or their texts are not those that the run began with: {what_changed(run.folder, run.recipe)}")


def describe(run: Run, prepared: Prepared) -> None:
    """Let the run's folder say what it is."""
    features, model = prepared.train.extractor.config(), {"preset": None, **prepared.model_config}
    resolved = {**run.recipe.model_dump(mode="json"), "features": features, "model": model}
    facts = {
        "data_sha256": run.facts["data_sha256"],
        "manifests": manifest_facts(run.recipe),
        "left_out": prepared.left_out,
        "findings": prepared.findings,
        "utterances": {"train": len(prepared.train.utterances), "dev": len(prepared.dev.utterances)},
        "hours": run.facts["hours"],
    }
    training = run.recipe.training
    run.folder.describe(resolved, facts, resumed=run.folder.last.exists())
    run.folder.tell(state="prepared", steps=run.steps, epochs=training.max_epochs, epoch=run.place.epoch)


def fit(run: Run, prepared: Prepared, checkpoint: Checkpoint | None, *, heart: bool) -> None:
    """Lightning's loop, with our steps, checkpoints, loggers and display in place of its own."""
    step = checkpoint.facts["step"] if checkpoint is not None else 0
    sinks = open_sinks(run.recipe, run.folder, step) if own_rank() == 0 else []
    task = make_task(prepared.model, prepared.tokens, run.recipe.training, run.steps, prepared.objective)
    if run.recipe.data.features_on == "device":
        task.featurize = Featurizer(run.train)
        for data in filter(None, (run.train, run.dev, run.watch)):
            data.samples_only = True
    if run.recipe.trainer.compile:
        prepared.model.encoder.compile()  # in place: parameters keep their names
    loader = Loader(run.train, run.recipe.data.workers, run.recipe.training.accumulate, run.display.note)
    # Lightning would look for a checkpoint of its own kind, with pickle, in the folder that it takes for its own: an empty one.
    with tempfile.TemporaryDirectory() as nowhere:
        trainer = make_trainer(run.recipe, callbacks(run, checkpoint, sinks, heart=heart), nowhere)
        trainer.fit(task, train_dataloaders=loader)


def make_trainer(recipe: Recipe, hooks: list[Callback], folder: str) -> Trainer:
    """Lightning's, quiet."""
    for name in QUIET:
        logging.getLogger(f"lightning.{name}").setLevel(logging.WARNING)  # its advertisements, not its warnings
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated", category=FutureWarning)  # lightning 2.6 with torch 2.13
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")  # the recipe chose the workers
    warnings.filterwarnings("ignore", message=".*defined a `validation_step`.*")
    devices, nodes = topology(recipe.trainer)
    several = devices * nodes > 1
    return Trainer(
        max_epochs=recipe.training.max_epochs,
        precision=precision_here(recipe.training.precision),
        callbacks=hooks,
        logger=False,
        accelerator=recipe.trainer.accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy=Processes(recipe.trainer.timeout_minutes) if several else "auto",
        plugins=[SLURMEnvironment(auto_requeue=False)] if started_by_slurm() else None,
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )


def best_of(run: Run) -> Path:
    """The checkpoint to use: the average of the best epochs if its WER is not higher than that of the best alone."""
    average = run.folder.average
    if run.recipe.training.keep_best == 1 or not average.exists():
        return run.folder.best
    *rows, row = load_checkpoint(average).facts["history"]
    by = run.recipe.training.best_by
    return average if row[by] <= ranked(rows, by)[0][by] else run.folder.best
