"""A run's folder: who may train in it, what stands in it, and what it says of itself.

recipe.yaml          the resolved recipe        last.safetensors     the state to go on from
run.json             versions, data, commands   best.safetensors     the weights of the lowest WER
state.json           how far it is              metrics.jsonl        a line for every ten steps and every validation
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tympan import __version__
from tympan.errors import CheckpointError, TrainingError
from tympan.files import write_atomically
from tympan.locks import holder_of

LOCK = "ranks/0.lock"  # of the first process, see `Watch`


class RunFolder:
    """The folder of one run.

    Args:
        path: made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last, self.best, self.average = (path / f"{name}.safetensors" for name in ("last", "best", "average"))
        self.run, self.state, self.metrics = path / "run.json", path / "state.json", path / "metrics.jsonl"
        self.known: dict[str, Any] = read_json(self.state)

    def make(self) -> None:
        """Make the folder; TrainingError if nothing can be written there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path / ".writable", b"")
            (self.path / ".writable").unlink()
        except OSError as error:
            raise TrainingError(f"Nothing can be written to {self.path} ({error.strerror or error}).", "Name another by --run.") from None

    def check_free(self) -> None:
        """CheckpointError if a process trains here now."""
        if (holder := holder_of(self.path / LOCK)) is not None:
            raise CheckpointError(
                f"{self.path} is being trained by {holder or 'another process'}.", "Wait, or name another folder by --run."
            )

    def move_aside(self) -> Path:
        """Keep the run that is here under another name, NAME-1 or the first that is free; that path."""
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}-{number}")).exists():
            number += 1
        self.path.rename(aside)
        self.known = {}
        return aside

    def discard_test(self) -> bool:
        """Remove what `--overfit` left here; False if that is not what is here."""
        if not self.known.get("overfit"):
            return False
        shutil.rmtree(self.path)
        self.known = {}
        return True

    def clean(self) -> None:
        """Remove what a killed process left half-written; only for who holds the lock."""
        for leftover in self.path.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)

    def describe(self, recipe: Mapping[str, Any], facts: Mapping[str, Any], *, resumed: bool) -> None:
        """Write the resolved recipe and run.json; a resumed run keeps its first command and adds the others."""
        import lightning
        import torch
        import yaml

        here = {"time": now(), "command": sys.argv}
        before = read_json(self.run) if resumed else {}
        versions = {
            "tympan": __version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "python": platform.python_version(),
        }
        whole = {
            "command": before.get("command", sys.argv),
            "began": before.get("began", now()),
            "folder": os.getcwd(),  # from which the recipe's paths count
            "resumed": [*before.get("resumed", []), here] if resumed else [],
            **facts,
            **versions,
            "cores": os.cpu_count(),
            "machine": platform.node(),
        }
        write_atomically(self.path / "recipe.yaml", yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True).encode())
        write_atomically(self.run, json.dumps(whole, indent=1).encode())

    def advice(self) -> str:
        """What to do after a training ended early."""
        if self.last.exists():
            return f"The same command goes on from the checkpoint of {since(self.last)} ago."
        return "There is no checkpoint yet; the same command begins anew."

    def tell(self, **facts: Any) -> None:
        """Change what state.json says. A full disc must not end a training for that, so it may fail."""
        self.known |= {**facts, "updated": now()}
        with contextlib.suppress(OSError):
            write_atomically(self.state, json.dumps(self.known, indent=1).encode())

    def log(self, row: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl, whole or not at all.

        Raises:
            OSError: the disc is full; nothing of the line is left.
        """
        line = json.dumps(dict(row)).encode() + b"\n"
        with open(self.metrics, "ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if (file.write(line) or 0) < len(line):
                os.ftruncate(file.fileno(), end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def trim_log(self, step: int, epoch: int) -> None:
        """Drop the lines that a killed run wrote after its last checkpoint, of `step` within `epoch`; they are written again."""
        if self.metrics.exists():
            rows = [row for row in read_log(self.metrics) if row["step"] <= step]
            kept = [row for row in rows if not is_validation(row) or row["epoch"] < epoch]  # the validation ends its epoch
            write_atomically(self.metrics, "".join(json.dumps(row) + "\n" for row in kept).encode())


def is_validation(row: Mapping[str, Any]) -> bool:
    """Whether a line of the log came at an epoch's end: of words, or of a language model's tokens."""
    return "dev/wer" in row or "dev/perplexity" in row


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty if there is none, or nothing that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_log(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a metrics.jsonl; a line that was broken off is passed over."""
    rows = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                row = json.loads(line)
                if isinstance(row, dict) and isinstance(row.get("step"), int):
                    rows.append(row)
    return rows


def now() -> str:
    """The time as ISO 8601, to the second, with its zone."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def since(path: Path) -> str:
    """How long ago a file was written, for people."""
    return duration(time.time() - path.stat().st_mtime)


def duration(seconds: float) -> str:
    """2 h 10 min; 44 s; 3 d 4 h."""
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds} s"
    units = (("d", 86_400), ("h", 3600), ("min", 60))
    parts = [(seconds // size % limit, name) for (name, size), limit in zip(units, (10**9, 24, 60), strict=True)]
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {name}" for count, name in parts[first : first + 2] if count)
