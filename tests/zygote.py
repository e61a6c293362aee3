"""Trainings in processes of their own that begin at once: a process with torch in it forks one for each.

    zygote = Zygote(folder)
    child = zygote.start(recipe, run_folder)
    child.kill() or child.wait()

A test of kills needs many processes, and importing torch takes each of them seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0  # for anything at all; a test that needs it has failed


@dataclass
class Child:
    """A training that runs, or ran.

    Attributes:
        pid: of its process.
        output: file of what it prints on both streams.
    """

    pid: int
    output: Path
    code: Path

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def done(self) -> bool:
        """Whether it has ended."""
        return self.code.exists()

    def wait(self) -> int:
        """Its exit code, negative for a signal."""
        until(self.done)
        return int(self.code.read_text())

    def text(self) -> str:
        """What it printed."""
        return self.output.read_text(errors="replace")


def until(condition: Any) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.001)  # a look, not a wait: what is looked for is another process's doing


class Zygote:
    """The process that forks; `folder` holds what its children print."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        # What is freed is free at once, and threads reserve nothing, so that a limit of memory means the same every time.
        environment |= {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def start(
        self,
        recipe: Mapping[str, Any],
        run: Path,
        *,
        environment: Mapping[str, str] | None = None,
        limits: Mapping[str, int] | None = None,
        **options: Any,
    ) -> Child:
        """Train in a new process.

        Args:
            recipe: its sections.
            run: the run's folder.
            environment: variables beside this process's.
            limits: names of `resource` to numbers: {"RLIMIT_FSIZE": 100_000}; RLIMIT_AS counts from what the process has already.
            options: of `tympan.training.loop.train`.
        """
        self.count += 1
        output, code = self.folder / f"{self.count}.txt", self.folder / f"{self.count}.code"
        order = {
            "recipe": json.loads(json.dumps(recipe, default=str)),
            "run": str(run),
            "environment": dict(environment or {}),
            "limits": dict(limits or {}),
            "options": options,
            "output": str(output),
            "code": str(code),
        }
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Child(int(self.process.stdout.readline()), output, code)

    def close(self) -> None:
        """End it, and with it all that still train."""
        with self.process:  # closes its streams, and waits
            pass


def main() -> None:
    """Fork for each line of standard input, and write down how each child ended."""
    import select

    living: dict[int, str] = {}
    buffer = ""
    os.set_blocking(0, False)
    while True:
        ready, _, _ = select.select([0], [], [], 0.005)
        if ready:
            content = os.read(0, 1 << 16).decode()
            if not content:
                break
            buffer += content
        while "\n" in buffer:
            line, _, buffer = buffer.partition("\n")
            order = json.loads(line)
            pid = os.fork()
            if pid == 0:
                train(order)
            living[pid] = order["code"]
            print(pid, flush=True)
        for pid in list(living):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                path = Path(living.pop(pid))
                path.with_suffix(".new").write_text(str(os.waitstatus_to_exitcode(status)))
                path.with_suffix(".new").rename(path)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def train(order: dict[str, Any]) -> None:
    """The child: train as the command does, and end."""
    descriptor = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(order["environment"])
    code = 1
    try:
        code = call(order)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def call(order: dict[str, Any]) -> int:
    """What `tympan train` does, without its export; the exit code."""
    import resource

    from tympan.cli.display import TrainingDisplay, progress
    from tympan.errors import TympanError
    from tympan.training import loop
    from tympan.training.recipe import check_recipe

    for name, value in order["limits"].items():
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if name == "RLIMIT_AS" else 0
        resource.setrlimit(getattr(resource, name), (used + value, used + value))
    try:
        best = loop.train(check_recipe(order["recipe"], "test.yaml"), Path(order["run"]), progress, TrainingDisplay(), **order["options"])
    except TympanError as error:
        print(f"tympan: {error}", file=sys.stderr)
        return 2
    print(f"best: {best.name}")
    return 0


if __name__ == "__main__":
    main()
