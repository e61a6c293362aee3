"""What `tympan train` and `tympan finetune` share: options, the chosen recipe, and the way from it to a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.training.choosing import Choice
    from tympan.training.continuing import Start
    from tympan.training.recipe import Recipe

DataOption = Annotated[list[Path] | None, typer.Option("--data", help="A manifest to train on. May be repeated.", show_default=False)]
DevOption = Annotated[
    list[Path] | None,
    typer.Option("--dev", help="A manifest that chooses the best epoch; without, a part of --data is held out.", show_default=False),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change keys: --set training.max_epochs=5 trainer.devices=2. May be repeated.", show_default=False),
]
MoreArgument = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="More keys for --set.", show_default=False)]
RunOption = Annotated[Path | None, typer.Option("--run", help="The run's folder; default runs/NAME.", show_default=False)]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in that folder, as without, also if it is finished and has more epochs now.")
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Begin anew; a run that is in the folder is kept beside it.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the recipe, shapes, parameters, steps, estimated time and memory, and stop.")
]
CHOSEN = "chosen.yaml"


def words_of(words: list[str] | None, overrides: list[str] | None) -> tuple[list[str], list[str]]:
    """From all words of the command that are no options: those that name something, and with --set's the keys to change."""
    names = [word for word in words or [] if "=" not in word or Path(word).exists()]
    return names, [*(overrides or []), *(word for word in words or [] if word not in names)]


def begin(folder: Path, *, resume: bool, fresh: bool) -> None:
    """With --fresh, keep what is in the run's folder beside it: before anything new is written there."""
    from tympan.cli.display import TrainingDisplay
    from tympan.training.ranks import own_rank
    from tympan.training.resuming import begin_anew
    from tympan.training.run_folder import RunFolder

    if resume and fresh:
        raise TympanError("--resume goes on and --fresh begins anew.", "Give one of them.")
    if fresh and own_rank() == 0:
        begin_anew(RunFolder(folder), TrainingDisplay())


def chosen(choice: Choice, folder: Path, overrides: list[str]) -> Recipe:
    """The choice as a checked recipe, written with its reasons into the run's folder and told."""
    import yaml

    from tympan.files import write_atomically
    from tympan.training.recipe import apply_override, check_recipe

    for override in overrides:
        apply_override(choice.recipe, override)
    checked = check_recipe(choice.recipe, CHOSEN)
    path = folder / CHOSEN
    head = "".join(f"# {reason}\n" for reason in choice.reasons)
    if not (folder / "last.safetensors").exists():  # else it tells what the run began with
        write_atomically(path, (head + yaml.safe_dump(choice.recipe, sort_keys=False, allow_unicode=True)).encode())
    for reason in choice.reasons:
        typer.echo(f"chosen: {reason}", err=True)
    typer.echo(f"chosen: the recipe is {path}", err=True)
    return checked


def run_training(
    recipe: Recipe, folder: Path, *, resume: bool, dry_run: bool, overfit: int = 0, own: bool = False, start: Start | None = None
) -> None:
    """Train by the recipe and write FOLDER/model.tympan.

    Args:
        overfit: only learn so many utterances by heart.
        own: from somebody's own data: with a scorer of the transcripts where they close the vocabulary.
        start: the model that is gone on from, whose scorer is kept where they do not.
    """
    from tympan.training import export, loop, prepare

    if dry_run:
        typer.echo(prepare.describe(recipe))
        tell_forecast(recipe)
        return
    from tympan.cli.display import TrainingDisplay, progress
    from tympan.training.ranks import own_rank

    try:
        best = loop.train(recipe, folder, progress, TrainingDisplay(), resume=resume, overfit=overfit)
    except TympanError as error:
        if not own_rank():
            raise
        typer.echo(f"tympan: rank {own_rank()}: {error}", err=True)
        sys.exit(2)
    if overfit or own_rank():
        return
    if prepare.is_pretraining(recipe):
        typer.echo(f"{best} hears, and writes no text yet. Go on: tympan finetune {best} --data train.jsonl --dev dev.jsonl")
        return
    bundle = folder / "model.tympan"
    proof = export.export(best, bundle)
    typer.echo(f"{bundle}: log_probs differ from torch by at most {proof.log_prob_difference:.2g} on {proof.clips} clips.")
    if own:
        add_scorer(recipe, bundle, start)


def tell_forecast(recipe: Recipe) -> None:
    """What the training will take, as a section after the recipe; without the data only why it cannot be told."""
    import yaml

    from tympan.training.forecast import forecast

    absent = [path for path in (*recipe.data.train, *recipe.data.dev) if not path.exists()]
    told: object = f"none, for there is no {absent[0]}" if absent else forecast(recipe).to_dict()
    typer.echo(yaml.safe_dump({"forecast": told}, sort_keys=False, allow_unicode=True, width=160).rstrip())


def add_scorer(recipe: Recipe, bundle: Path, start: Start | None) -> None:
    """Write the scorer beside the bundle: of the transcripts if these close the vocabulary, else the one of the model before."""
    import shutil

    from tympan.bundle import Bundle
    from tympan.data.manifest import read_manifest
    from tympan.lexicon import Pronunciations
    from tympan.recognizer import DEFAULT_MODEL, find_scorer
    from tympan.training import transcript_scorer as transcripts
    from tympan.training.continuing import open_start

    path = bundle.with_suffix(".scorer")
    train, dev = (
        [utterance for manifest in manifests for utterance in read_manifest(manifest)] for manifests in (recipe.data.train, recipe.data.dev)
    )
    tokens = Bundle.open(bundle).tokens
    if start is None and tokens.kind == "phones":
        start = open_start(DEFAULT_MODEL)  # its scorer knows English at large
    if transcripts.closed_vocabulary(train, dev):
        pronunciations = Pronunciations.read(recipe.tokens.dictionary) if recipe.tokens.dictionary else None
        scorer = transcripts.transcript_scorer(train, tokens, pronunciations, path)
        words = len(scorer.words)
        del scorer
        rates = transcripts.tune_scorer(path, bundle, dev, recipe.data.cache)
        tuned = f"; WER on the dev set {rates[0]:.2%}, with tuned weights {rates[1]:.2%}" if rates else ""
        typer.echo(f"{path}: the {words} words of the transcripts{tuned}. For other words: tympan lm build.")
    elif start is not None and start.bundle is not None and start.bundle.tokens.tokens == tokens.tokens:
        old = find_scorer(start.bundle, None, needed=False)
        if old is not None:
            beside = start.bundle.path.with_suffix(".scorer")
            if start.bundle.scorer is None and beside.is_file():
                shutil.copyfile(beside, path)
            else:
                old.save(path)
            typer.echo(f"{path}: the scorer of {start.name}; its weights may be tuned anew: tympan lm tune.")
    elif tokens.kind == "phones":
        raise TympanError(f"{bundle} hears phones and has no scorer.", f"Make one: tympan lm build TEXT --model {bundle} -o {path}")
