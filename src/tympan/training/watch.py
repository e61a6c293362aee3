"""Who of a training's processes has died?

Each process holds a lock on a file of its own in the run's folder, which the system takes back when it ends. A process that ends by
itself also takes its name out of the file; so a free lock with a name tells of one that was killed. This sees deaths that a waiting
collective operation does not: on GPUs it would wait for its time limit.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tympan.locks import FileLock, holder_of, killed_holder

PERIOD_S = 1.0
GRACE_S = 10.0  # between an error of communication and the system's taking back of a lock


def this_process() -> str:
    """How this process is named to people."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class Watch(threading.Thread):
    """Ends this process when another one of the training is gone.

        watch = Watch(folder, rank, world_size, told)
        watch.claim(); (all have come so far); watch.start(); ...; (all are done); watch.stop()

    Args:
        folder: for the locks, seen by all processes.
        rank, world_size: which of how many this is.
        on_death: told the sentence, in one of the processes that live, before they end.
    """

    def __init__(self, folder: Path, rank: int, world_size: int, on_death: Callable[[str], None]) -> None:
        super().__init__(name="watch", daemon=True)
        self.paths = [folder / f"{number}.lock" for number in range(world_size)]
        self.rank, self.on_death = rank, on_death
        self.lock = FileLock(self.paths[rank])
        self.over = threading.Event()

    def claim(self) -> bool:
        """Begin to be seen; False where the file system has no locks, and nobody can be watched."""
        try:
            return self.lock.acquire(this_process(), wait=True)
        except OSError:
            return False

    def run(self) -> None:
        while not self.over.wait(PERIOD_S):
            if gone := self.gone():
                self.end(gone)

    def stop(self) -> None:
        """The training is over; from now on anybody may go."""
        self.over.set()
        self.lock.release()

    def gone(self) -> list[int]:
        """The ranks that are no more."""
        return [number for number, path in enumerate(self.paths) if number != self.rank and holder_of(path) is None]

    def sentence(self, gone: list[int]) -> str:
        """Who was killed; empty if all that are gone ended by themselves, having said why."""
        named = [f"rank {number} ({name})" for number in gone if (name := killed_holder(self.paths[number]))]
        return f"{' and '.join(named)} died, so this training ends." if named else ""

    def leave_if_alone(self) -> None:
        """After an error of communication: end this process if another is gone; return if all live."""
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline:
            if gone := self.gone():
                self.end(gone)
            time.sleep(PERIOD_S / 10)

    def end(self, gone: list[int]) -> None:
        """Tell it once, and leave as a waiting collective operation lets one leave: at once."""
        sentence = self.sentence(gone)
        if sentence and self.rank == min(set(range(len(self.paths))) - set(gone)):
            self.on_death(sentence)
        sys.stderr.flush()
        self.lock.release()
        os._exit(2)
