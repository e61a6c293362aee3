"""Work for processes of `tympan.workers`; in a file of its own, as they import it."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tympan.errors import TympanError


@dataclass(frozen=True)
class Squares:
    """Squares of numbers.

    Attributes:
        folder: where processes leave their traces: number-process-before.
        deadly: numbers whose process is killed -> how often.
        wrong: what `open` says.
        stillborn: let each process die as it opens.
    """

    folder: Path
    deadly: tuple[tuple[int, int], ...] = ()
    wrong: str = ""
    stillborn: bool = False

    def open(self) -> Callable[[int, Callable[[float], None]], int]:
        if self.wrong:
            raise TympanError(self.wrong, "Mend it.")
        if self.stillborn:
            os._exit(7)
        tasks = itertools.count()

        def square(number: int, report: Callable[[float], None]) -> int:
            return self.square(number, report, next(tasks))

        return square

    def square(self, number: int, report: Callable[[float], None], before: int) -> int:
        """`before`: how many tasks this process had."""
        report(number / 2)
        times = dict(self.deadly).get(number, 0)
        died = sorted(self.folder.glob(f"{number}-*"))
        (self.folder / f"{number}-{os.getpid()}-{before}").touch()
        if len(died) < times:
            os.kill(os.getpid(), signal.SIGKILL)
        return number**2
