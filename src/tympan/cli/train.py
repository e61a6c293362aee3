"""`tympan train`: a recipe becomes a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.extras import require


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, e.g. recipes/english-small.yaml.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key: --set training.max_epochs=5. May be repeated.")
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="The run's folder; default runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in that folder stopped.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved recipe and the number of parameters, and stop.")] = False,
) -> None:
    """Train a recogniser by a recipe.

    Examples:

        tympan train recipes/yesno.yaml

        tympan train recipes/english-small.yaml --set training.max_epochs=5 --run runs/short

        tympan train recipes/english-small.yaml --resume
    """
    require("train", "Training")
    from tympan.training.recipe import load_recipe

    checked = load_recipe(recipe, overrides)  # before torch: a wrong key must not wait for it
    from tympan.training import export, loop, prepare

    if dry_run:
        typer.echo(prepare.describe(checked))
        return
    from tympan.cli.display import TrainingDisplay, progress

    folder = run or Path("runs") / checked.name
    best = loop.train(checked, folder, progress, TrainingDisplay(), resume=resume)
    proof = export.export(best, folder / "model.tympan")
    typer.echo(f"{folder / 'model.tympan'}: log_probs differ from torch by at most {proof.log_prob_difference:.2g} on {proof.clips} clips.")
