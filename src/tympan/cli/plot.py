"""`tympan plot`: a run as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.errors import TympanError
from tympan.extras import require


def plot(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write: .png, .svg or .pdf.")],
    utterances: Annotated[int, typer.Option("--utterances", "-n", min=0, help="Of the dev set, with what the network makes of them.")] = 2,
) -> None:
    """Draw the curves of a training, and spectrogram, emission, what was said and what was heard for some utterances of its dev set.

    Examples:

        tympan plot runs/mine -o mine.png

        tympan plot runs/mine -o curves.svg -n 0
    """
    require("plot", "Drawing")
    require("train", "Reading a run's recipe")
    from tympan import plots
    from tympan.training.run_folder import RunFolder, read_log
    from tympan.training.runs import is_run

    plots.check_ending(output)  # before torch is imported
    if not is_run(run):
        raise TympanError(f"{run} is no run.", "It would hold a run.json; `tympan runs` lists those in runs/.")
    rows = read_log(RunFolder(run).metrics)
    if not rows:
        raise TympanError(f"{run} has no curves yet.", "The first come after ten steps.")
    from tympan.training.pictures import dev_pictures

    pictures, missing = dev_pictures(run, utterances) if utterances else ([], "")
    if missing:
        typer.echo(f"tympan: {missing}", err=True)
    plots.save(plots.draw_run(run.resolve().name, rows, pictures), output)
    typer.echo(str(output))
