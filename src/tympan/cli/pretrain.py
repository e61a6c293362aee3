"""`tympan pretrain`: an encoder learns from recordings without text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.training_options import (
    DryRunOption,
    FreshOption,
    MoreArgument,
    OverridesOption,
    ResumeOption,
    RunOption,
    begin,
    run_training,
    words_of,
)
from tympan.errors import TympanError
from tympan.extras import require


def pretrain(
    recipe: Annotated[Path, typer.Argument(help="E.g. recipes/pretrain-best-rq.yaml.")],
    more: MoreArgument = None,
    overrides: OverridesOption = None,
    run: RunOption = None,
    resume: ResumeOption = False,
    fresh: FreshOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train an encoder on recordings that nobody wrote down: it learns to tell what was hidden from it (BEST-RQ).

    The manifests need no text. What comes out is a checkpoint for `tympan finetune`, or for training.initial of a recipe with the
    same encoder.

    Examples:

        tympan pretrain recipes/pretrain-best-rq.yaml --set 'data.train=[recordings.jsonl]' 'data.dev=[others.jsonl]'

        tympan finetune runs/pretrain-best-rq/best.safetensors --data train.jsonl --dev dev.jsonl
    """
    require("train", "Training")
    names, keys = words_of(more, overrides)
    if names:
        raise TympanError(f"{names[0]} is not of the form key=value.", "Give one recipe, and keys after --set.")
    from tympan.training.recipe import load_recipe

    checked = load_recipe(recipe, keys)
    if checked.model.family != "best-rq":
        raise TympanError(f"{recipe} describes a recogniser, not a pre-training.", "Take tympan train, or set model.family: best-rq.")
    folder = run or Path("runs") / checked.name
    begin(folder, resume=resume, fresh=fresh and not dry_run)
    run_training(checked, folder, resume=resume, dry_run=dry_run)
