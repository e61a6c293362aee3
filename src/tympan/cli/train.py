"""`tympan train`: a recipe, or somebody's recordings and a size, become a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.training_options import (
    DataOption,
    DevOption,
    DryRunOption,
    OverridesOption,
    ResumeOption,
    RunOption,
    chosen,
    run_training,
)
from tympan.errors import TympanError
from tympan.extras import require


def train(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe, e.g. recipes/english-small.yaml.", show_default=False)] = None,
    data: DataOption = None,
    dev: DevOption = None,
    size: Annotated[str, typer.Option("--size", help="With --data: tiny, small, base or large.")] = "small",
    name: Annotated[str, typer.Option("--name", help="With --data: of the model.")] = "own",
    language: Annotated[str, typer.Option("--language", help="With --data: ISO 639-1 code, for the bundle.")] = "",
    overrides: OverridesOption = None,
    run: RunOption = None,
    resume: ResumeOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train a recogniser by a recipe, or from recordings and a size, which choose one.

    With --data, the recipe that was chosen is written to chosen.yaml in the run's folder, with the reasons; change it there and
    train by it. If the dev set says only words of the training set, a scorer of these goes into the model.

    Examples:

        tympan train --data train.jsonl --dev dev.jsonl --size small

        tympan train recipes/yesno.yaml

        tympan train recipes/english-small.yaml --set training.max_epochs=5 --run runs/short

        tympan train recipes/english-small.yaml --resume
    """
    require("train", "Training")
    if (recipe is None) == (not data):
        raise TympanError("Give a recipe or --data, one of them.", "Example: tympan train --data train.jsonl --dev dev.jsonl --size small")
    if recipe is not None:
        from tympan.training.recipe import load_recipe

        checked = load_recipe(recipe, overrides)  # before torch: a wrong key must not wait for it
        run_training(checked, run or Path("runs") / checked.name, resume=resume, dry_run=dry_run)
        return
    from tympan.training import choosing

    folder = run or Path("runs") / name
    choice = choosing.choose(data or [], dev or [], size, folder, name=name, language=language)
    run_training(chosen(choice, folder, overrides, resume=resume), folder, resume=resume, dry_run=dry_run, own=True)
