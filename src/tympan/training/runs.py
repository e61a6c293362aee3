"""The runs of a folder, for people who have many. Imports no torch: looking must not take seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tympan.errors import TrainingError
from tympan.locks import holder_of, killed_holder
from tympan.training.run_folder import LOCK, RunFolder, read_log

State = Literal["running", "finished", "stopped", "killed", "unknown"]


@dataclass(frozen=True)
class RunRow:
    """One run.

    Attributes:
        name: of its folder.
        state: running (its process lives), finished, stopped (it said why), killed, or unknown (older than state.json).
        reason: why it is not running; empty if nobody said.
        epoch, epochs: done, and of how many; None if not known.
        step, steps: likewise, of the optimiser.
        hours: of training so far.
        wer, best_epoch: the lowest on dev, and when; None before the first validation.
        last_wer: of the last validation.
        updated: when it last said something, ISO 8601; empty if never.
    """

    name: str
    state: State
    reason: str
    epoch: int | None
    epochs: int | None
    step: int | None
    steps: int | None
    hours: float | None
    wer: float | None
    best_epoch: int | None
    last_wer: float | None
    updated: str


def list_runs(folder: Path) -> list[RunRow]:
    """The runs in `folder`, or `folder` itself if it is one; by name.

    Raises:
        TrainingError: there is no such folder.
    """
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}.", "`tympan train` makes runs/ where it is called.")
    found = [folder] if is_run(folder) else sorted(path for path in folder.iterdir() if path.is_dir() and is_run(path))
    return [describe(RunFolder(path)) for path in found]


def is_run(folder: Path) -> bool:
    """Whether a training took place in this folder."""
    return (folder / "run.json").is_file()


def describe(run: RunFolder) -> RunRow:
    """What a run's files say of it."""
    facts, rows = run.known, [row for row in read_log(run.metrics) if "dev/wer" in row]
    best = min(rows[::-1], key=lambda row: (row["dev/wer"], row.get("dev/cer", 0.0)), default={})
    state, reason = state_of(run)
    seconds = facts.get("seconds")
    return RunRow(
        name=run.path.resolve().name,
        state=state,
        reason=reason,
        epoch=facts.get("epoch", len(rows) or None),
        epochs=facts.get("epochs"),
        step=facts.get("step", rows[-1]["step"] if rows else None),
        steps=facts.get("steps"),
        hours=round(seconds / 3600, 3) if isinstance(seconds, (int, float)) else None,
        wer=best.get("dev/wer"),
        best_epoch=best["epoch"] + 1 if best else None,
        last_wer=rows[-1]["dev/wer"] if rows else None,
        updated=str(facts.get("updated", "")),
    )


def state_of(run: RunFolder) -> tuple[State, str]:
    """The state, and why."""
    lock = run.path / LOCK
    if holder_of(lock) is not None:
        return "running", ""
    told = run.known.get("state")
    if told in ("finished", "stopped"):
        return told, str(run.known.get("reason", ""))
    if name := killed_holder(lock):
        return "killed", f"{name} was ended from outside"
    return "unknown", ""
