"""`tympan train`: a recipe, or somebody's recordings and a size, become a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.training_options import (
    DataOption,
    DevOption,
    DryRunOption,
    FreshOption,
    OverridesOption,
    ResumeOption,
    RunOption,
    begin,
    chosen,
    run_training,
    words_of,
)
from tympan.errors import TympanError
from tympan.extras import require


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECIPE] [KEY=VALUE]...", help="E.g. recipes/english-small.yaml; more keys for --set.", show_default=False),
    ] = None,
    data: DataOption = None,
    dev: DevOption = None,
    size: Annotated[str, typer.Option("--size", help="With --data: tiny, small, base or large.")] = "small",
    name: Annotated[str, typer.Option("--name", help="With --data: of the model.")] = "own",
    language: Annotated[
        str,
        typer.Option(
            "--language", help="With --data: ISO 639-1 code, for the bundle; en takes phones and the package's dictionary as tokens."
        ),
    ] = "",
    overrides: OverridesOption = None,
    run: RunOption = None,
    resume: ResumeOption = False,
    fresh: FreshOption = False,
    overfit: Annotated[int, typer.Option("--overfit", min=0, help="Learn so many utterances by heart, as a test, and stop.")] = 0,
    dry_run: DryRunOption = False,
) -> None:
    """Train a recogniser by a recipe, or from recordings and a size, which choose one. The same command again goes on where it ended.

    With --data, the recipe that was chosen is written to chosen.yaml in the run's folder, with the reasons; change it there and
    train by it. If the dev set says only words of the training set, a scorer of these goes into the model.

    Examples:

        tympan train --data train.jsonl --dev dev.jsonl --size small

        tympan train recipes/yesno.yaml

        tympan train recipes/english-small.yaml --overfit 8

        tympan train recipes/english-small.yaml --set training.max_epochs=5 trainer.devices=8 --run runs/short
    """
    require("train", "Training")
    recipes, keys = words_of(words, overrides)
    if bool(recipes) == bool(data):
        raise TympanError("Give a recipe or --data, one of them.", "Example: tympan train --data train.jsonl --dev dev.jsonl --size small")
    if len(recipes) > 1:
        raise TympanError(f"{recipes[1]} is not of the form key=value.", "Give one recipe, and keys after --set.")
    if recipes:
        from tympan.training.recipe import load_recipe

        checked = load_recipe(recipes[0], keys)  # before torch: a wrong key must not wait for it
        folder = run or Path("runs") / (f"{checked.name}-overfit" if overfit else checked.name)
        begin(folder, resume=resume, fresh=(fresh or bool(overfit)) and not dry_run)
        run_training(checked, folder, resume=resume, dry_run=dry_run, overfit=overfit)
        return
    from tympan.training import choosing

    folder = run or Path("runs") / (f"{name}-overfit" if overfit else name)
    begin(folder, resume=resume, fresh=(fresh or bool(overfit)) and not dry_run)
    choice = choosing.choose(data or [], dev or [], size, folder, name=name, language=language)
    run_training(chosen(choice, folder, keys), folder, resume=resume, dry_run=dry_run, overfit=overfit, own=True)
