"""`tympan runs`: the trainings of a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.flags import Json

if TYPE_CHECKING:
    from tympan.training.runs import RunRow


def runs(
    folder: Annotated[Path, typer.Argument(help="A folder of runs, or one run.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List trainings: how far each is, its lowest WER, and whether it runs, is finished, or was stopped, and why.

    Examples:

        tympan runs

        tympan runs runs/mine --json
    """
    from tympan.training.runs import list_runs

    rows = list_runs(folder)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows]))
        return
    if not rows:
        typer.echo(f"{folder} holds no runs.")
        return
    width = max(len("run"), *(len(row.name) for row in rows))
    typer.echo(f"{'run':{width}}  {'state':8}  {'epoch':>9}  {'step':>17}  {'time':>11}  {'WER':>8}  {'last':>8}  said")
    for row in rows:
        typer.echo(f"{row.name:{width}}  {line(row)}".rstrip())


def line(row: RunRow) -> str:
    """A row of the table, without its name."""
    from tympan.training.run_folder import duration

    wer = f"{row.wer:.2%}" if row.wer is not None else "-"
    last = f"{row.last_wer:.2%}" if row.last_wer is not None else "-"
    time = duration(3600 * row.hours) if row.hours is not None else "-"
    far = f"{of(row.epoch, row.epochs):>9}  {of(row.step, row.steps):>17}  {time:>11}"
    cells = f"{row.state:8}  {far}  {wer:>8}  {last:>8}  {ago(row.updated)}"
    return f"{cells}\n    {row.reason}" if row.reason and row.state != "finished" else cells


def of(count: int | None, whole: int | None) -> str:
    """3/20, or what is known of it."""
    return f"{'-' if count is None else f'{count:,}'}/{'-' if whole is None else f'{whole:,}'}"


def ago(time: str) -> str:
    """How long ago an ISO time was."""
    from tympan.training.run_folder import duration

    try:
        return f"{duration((datetime.now(timezone.utc) - datetime.fromisoformat(time)).total_seconds())} ago"
    except ValueError:
        return ""
