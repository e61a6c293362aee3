"""Work for a cluster's workers that waits at a gate, so that a test decides what happens in the middle of a job.

Workers import it by its name, which a test file has not.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tympan.cli.transcribing import transcribed
from tympan.errors import TympanError
from tympan.recognizer import Recognizer

PATIENCE_S = 60.0  # for anything at all; a test that needs it has failed
POISON = "poison"


def transcribed_behind(recognizer: Recognizer, file: Path, name: str, *, gate: Path) -> tuple[str, Mapping[str, int]]:
    """As the command does, after `gate`/open is there; one by the name of POISON ends its process.

    Who waits is told by a file `gate`/NODE.PROCESS.NAME.
    """
    import ray

    (gate / f"{ray.get_runtime_context().get_node_id()}.{os.getpid()}.{name}").touch()
    if name == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    until((gate / "open").exists)
    return transcribed(recognizer, file, name, format="json", explain=False, readable=False)


def waiting(gate: Path) -> list[tuple[str, int, str]]:
    """(node, process, name) of those that came to the gate, POISON not among them."""
    parts = [path.name.split(".", 2) for path in gate.iterdir() if path.name.count(".") == 2]
    return [(node, int(process), name) for node, process, name in parts if name != POISON]


def until(true: Callable[[], bool]) -> None:
    """Come back when it is true."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


class Roots:
    """Square roots of words, and what can go wrong."""

    def start(self) -> Callable[[str], float]:
        failures = iter([ConnectionResetError(104, "Connection reset by peer")])

        def root(word: str) -> float:
            if word == "disk":
                raise OSError(28, "No space left on device")
            if word == "user":
                raise TympanError("This is wrong.", "Do that.")
            if word == "network":
                for error in failures:
                    raise error
                return 2.0
            return float(word) ** 0.5

        return root


class Broken:
    """Cannot start."""

    def start(self) -> Callable[[str], float]:
        raise TympanError("The model is gone.", "Copy it again.")
