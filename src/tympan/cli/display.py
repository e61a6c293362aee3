"""Progress on the terminal: bars on stderr, or plain lines where stderr is a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
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


def bars(*columns: ProgressColumn) -> Progress:
    """Bars on stderr that vanish when all is done; nothing where stderr is no terminal, and standard output is left alone."""
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal, redirect_stdout=False)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for `total` things; call the result with the number done. It vanishes when all is done."""
    with bars(TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that changes its title: call the result with phase, done and total (0 if not known). It vanishes when all is done."""
    with bars(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=None)
        yield lambda phase, done, total: bar.update(task, description=phase, completed=done, total=total or None)


@contextmanager
def transfers() -> Iterator[Callable[[str, int, int], None]]:
    """A bar of bytes for each file: call the result with name, bytes done and bytes in all (0 if not known)."""
    with bars(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as bar:
        tasks: dict[str, TaskID] = {}

        def update(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total or None)
            bar.update(tasks[name], completed=done)

        yield update


@contextmanager
def audio_progress(durations: Sequence[float | None]) -> Iterator[tuple[Listening, Callable[[str, bool], None]]]:
    """A bar of audio time, with speed and time left. It vanishes when all is done.

    Args:
        durations: of each recording, in seconds; None where it is not known.

    Returns:
        What to tell what is heard; and how to print meanwhile: call it with the text, and True for stderr.
    """
    with bars(TextColumn("transcribing"), BarColumn(16), TextColumn("{task.description}")) as bar:  # in 80 columns
        task = bar.add_task("", total=None)

        def show(done: float, total: float | None, text: str) -> None:
            bar.update(task, completed=done, total=total, description=text)

        def echo(text: str, err: bool) -> None:
            if not bar.disable:
                bar.stop()  # else the text would be written behind it, on its line
            typer.echo(text, err=err)
            if not bar.disable:
                bar.start()

        yield Listening(durations, show), echo


class Listening:
    """How much of several recordings is heard.

    Args:
        durations: in seconds; None where a header does not say. One that is wrong is mended as the recording is heard.
        show: is called with seconds done, seconds in all (None if not known) and the same as a line.
        clock: seconds from some time.
    """

    def __init__(
        self,
        durations: Sequence[float | None],
        show: Callable[[float, float | None, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.expected = [duration or 0.0 for duration in durations]
        self.unknown = {index for index, duration in enumerate(durations) if duration is None}
        self.seconds = [0.0] * len(durations)
        self.done, self.total = 0.0, sum(self.expected)
        self.show, self.clock, self.begun = show, clock, clock()

    def heard(self, index: int, seconds: float) -> None:
        """So much of a recording is done, from its beginning."""
        self.done += seconds - self.seconds[index]
        self.seconds[index] = seconds
        if seconds > self.expected[index]:
            self.expect(index, seconds)
        self.tell()

    def finished(self, index: int) -> None:
        """Nothing more comes of a recording, however long it was said to be."""
        self.unknown.discard(index)
        self.expect(index, self.seconds[index])
        self.tell()

    def expect(self, index: int, seconds: float) -> None:
        self.total += seconds - self.expected[index]
        self.expected[index] = seconds

    def tell(self) -> None:
        speed = self.done / max(self.clock() - self.begun, 1e-3)
        rate = f"{speed:.0f} x real time" if speed >= 10 else f"{speed:.1f} x real time"
        if self.unknown:
            self.show(self.done, None, f"{clock_time(self.done)}  {rate}")
            return
        left = f"  {clock_time((self.total - self.done) / speed)} left" if speed else ""
        self.show(self.done, self.total, f"{clock_time(self.done)} of {clock_time(self.total)}  {rate}{left}")


def clock_time(seconds: float) -> str:
    """As clocks show it: 0:07, 12:30, 1:05:00."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


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
            self.bar = bars(*columns, TimeElapsedColumn(), TimeRemainingColumn())
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
