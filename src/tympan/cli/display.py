"""Progress on the terminal: bars on stderr, or plain lines where stderr is a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from tympan.training.run import Report
    from tympan.training.validation import Validation

LINE_SECONDS = 30.0  # between two plain lines
console = Console(stderr=True, highlight=False)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for `total` things; call the result with the number done. It vanishes when all is done."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that changes its title: call the result with phase, done and total (0 if not known). It vanishes when all is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda phase, done, total: bar.update(task, description=phase, completed=done, total=total or None)


@contextmanager
def transfers() -> Iterator[Callable[[str, int, int], None]]:
    """A bar of bytes for each file: call the result with name, bytes done and bytes in all (0 if not known)."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def update(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total or None)
            bar.update(tasks[name], completed=done)

        yield update


class TrainingDisplay:
    """One bar an epoch, then a line of results and three sample transcripts."""

    def __init__(self) -> None:
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.last_line = time.monotonic()
        self.wer = ""  # of the last validation

    def note(self, text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    def start(self, epoch: int, epochs: int, batches: int, done: int) -> None:
        self.title, self.batches, self.done = f"epoch {epoch + 1}/{epochs}", batches, done
        if console.is_terminal:
            columns = (TextColumn(self.title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self.bar = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True)
            self.task = self.bar.add_task("", total=batches, completed=done)
            self.bar.start()

    def step(self, report: Report) -> None:
        parts = [
            f"loss {report.loss:.4f}",
            self.wer,
            f"{report.audio_seconds_per_second:.0f} audio-s/s",
            f"{report.waiting_share:.0%} waiting for data",
            f"{report.memory_bytes / 1e9:.1f} GB" if report.memory_bytes else "",
            f"{report.blank_share:.0%} blank",
            f"rate {report.learning_rate:.2e}",
        ]
        text = "  ".join(filter(None, parts))
        if self.bar is not None:
            self.bar.update(self.task, completed=report.batch, description=text)
        elif time.monotonic() - self.last_line > LINE_SECONDS:
            self.last_line = time.monotonic()
            console.print(f"{self.title}  {report.batch}/{self.batches}  {text}", soft_wrap=True)

    def validated(self, epoch: int, validation: Validation, seconds: float) -> None:
        self.stop()
        self.wer = f"{validation.measure} {validation.wer:.2%}"
        heard = validation.measure == "WER"  # else there is no text
        rates = f"{self.wer}{f'  CER {validation.cer:.2%}' if heard else ''}  loss {validation.loss:.4f}"
        blank = f"{validation.blank_share:.0%} blank  " if heard else ""
        console.print(f"{self.title}  {rates}  {blank}{seconds:.0f} s", soft_wrap=True)
        for reference, hypothesis in validation.samples:
            console.print(f"  said   {reference}", markup=False, soft_wrap=True)
            console.print(f"  heard  {hypothesis}", markup=False, soft_wrap=True)

    def stop(self) -> None:
        """End the bar of this epoch."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
