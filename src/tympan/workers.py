"""Tasks over processes: results in the order of the tasks, in bounded memory; a process that dies costs one task.

    here                                        a worker
    start                                       job = work.open()
                     <------------ Ready
    task             ------------>              result = job(task, report)
                     <------------ Report(s)
                     <------------ Result       and so on, until it is ended

Why not concurrent.futures: when one of its processes dies it gives up all that was not finished (BrokenProcessPool) and does not
say whose fault it was. Why not multiprocessing.Pool: it waits for ever for the task of a process that died.

Processes are spawned, not forked: a fork copies a process whose other threads (ONNX Runtime's, a progress bar's) may just hold a
lock, which nobody in the copy ever opens; and macOS and Windows know no other safe way. What travels is pickled, but only ever
between our own processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, Protocol, TypeVar

from tympan.errors import TympanError

TRIES = 2  # of a task; one process may have been killed for what another one took
FAILED_STARTS = 3  # in a row, before none is started any more

Task = TypeVar("Task")
Result = TypeVar("Result")
Task_contra = TypeVar("Task_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Work(Protocol[Task_contra, Result_co]):
    """What each process is to do: plain values, as it travels there."""

    def open(self) -> Callable[[Task_contra, Callable[[float], None]], Result_co]:
        """Once a process: what does one task, and reports on the way how far it is. TympanError ends everything."""
        ...


@dataclass(frozen=True)
class Lost:
    """Instead of a result: each process that had the task died.

    Attributes:
        how: how the last one ended, "was killed by SIGKILL" or "ended with code 1".
    """

    how: str


def cores() -> int:
    """Cores that this process may use, which containers and taskset make fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    work: Work[Task, Result],
    tasks: Sequence[Task],
    jobs: int,
    *,
    reported: Callable[[int, float], None],
    arrived: Callable[[int, Result | Lost], Result | Lost],
    ahead: int | None = None,
) -> Generator[Result | Lost, None, None]:
    """Do all tasks.

    Args:
        work: what to do.
        tasks: in the order in which results are wanted.
        jobs: processes; 1 does everything in this one.
        reported: is called with a task's index and what the job reported.
        arrived: is called with index and result as soon as there is one, not in order; what it gives is what waits for its turn.
        ahead: so many tasks, from the first that is not done, are begun at most: the bound of what waits. None for no bound.

    Returns:
        A result a task, in order. Close it when you stop early: that ends the processes.

    Raises:
        TympanError: of `work.open()`, or the processes die before they have opened it.
    """
    if jobs > 1:
        return _Pool(work, tasks, jobs, reported, arrived, ahead or len(tasks)).results()
    return _in_this_process(work, tasks, reported, arrived)


def _in_this_process(
    work: Work[Task, Result],
    tasks: Sequence[Task],
    reported: Callable[[int, float], None],
    arrived: Callable[[int, Result | Lost], Result | Lost],
) -> Generator[Result | Lost, None, None]:
    job = work.open()
    for index, task in enumerate(tasks):

        def report(value: float, index: int = index) -> None:
            reported(index, value)

        yield arrived(index, job(task, report))


@dataclass
class _Worker:
    """A process, seen from here.

    Attributes:
        pipe: this end of it.
        task: index of what it works on.
        next: index of what it was started for.
    """

    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    task: int | None = None
    next: int | None = None

    def end(self) -> None:
        """At once: it holds nothing that could be lost."""
        self.process.kill()
        self.process.join()
        self.pipe.close()

    def how_it_ended(self) -> str:
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"ended with code {code}"
        return f"was killed by {signal.Signals(-code).name if -code in set(signal.Signals) else f'signal {-code}'}"


@dataclass
class _Pool(Generic[Task, Result]):
    """The processes and the tasks; arguments as of `in_order`."""

    work: Work[Task, Result]
    tasks: Sequence[Task]
    jobs: int
    reported: Callable[[int, float], None]
    arrived: Callable[[int, Result | Lost], Result | Lost]
    ahead: int
    workers: list[_Worker] = field(default_factory=list)
    done: dict[int, Result | Lost] = field(default_factory=dict)
    tries: Counter[int] = field(default_factory=Counter)
    failed_starts: int = 0

    def __post_init__(self) -> None:
        self.waiting = deque(range(len(self.tasks)))

    def results(self) -> Generator[Result | Lost, None, None]:
        try:
            for _ in range(min(self.jobs, len(self.tasks))):
                self.start()
            for turn in range(len(self.tasks)):
                while turn not in self.done:
                    self.hand_out(turn + self.ahead)
                    for pipe in wait([worker.pipe for worker in self.workers]):
                        self.hear(next(worker for worker in self.workers if worker.pipe is pipe))
                yield self.done.pop(turn)
        finally:
            for worker in self.workers:
                worker.end()

    def start(self, task: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(self.work, there), daemon=True)
        with _deaf_to_interrupts():
            process.start()
        there.close()  # so that its death closes the pipe
        self.workers.append(_Worker(process, here, next=task))

    def hand_out(self, end: int) -> None:
        """Tasks before `end` to the workers that have none."""
        for worker in list(self.workers):
            if not worker.ready or worker.task is not None:
                continue
            if worker.next is not None:
                worker.task, worker.next = worker.next, None
            elif self.waiting and self.waiting[0] < end:
                worker.task = self.waiting.popleft()
            else:
                continue
            try:
                worker.pipe.send(self.tasks[worker.task])
            except OSError:  # it died while it had nothing to do; that costs the task one try
                self.bury(worker)

    def hear(self, worker: _Worker) -> None:
        """One message of a worker, or that it is dead."""
        try:
            kind, *values = worker.pipe.recv()
        except (EOFError, OSError):
            self.bury(worker)
            return
        if kind == "ready":
            worker.ready, self.failed_starts = True, 0
        elif kind == "error":
            raise TympanError(*values)
        elif kind == "report":
            assert worker.task is not None
            self.reported(worker.task, values[0])
        else:
            self.finish(worker, values[0])

    def finish(self, worker: _Worker, result: Result | Lost) -> None:
        assert worker.task is not None
        self.done[worker.task] = self.arrived(worker.task, result)
        worker.task = None

    def bury(self, worker: _Worker) -> None:
        """A worker that died: its task gets a new one, or is lost."""
        self.workers.remove(worker)
        worker.pipe.close()
        how = worker.how_it_ended()
        again = worker.next if worker.task is None else worker.task
        if not worker.ready:
            self.failed_starts += 1
            if self.failed_starts == FAILED_STARTS:
                raise TympanError(
                    f"The processes do not get as far as to begin: the last one {how}.", "Is there memory for so many --jobs?"
                )
        elif worker.task is not None:
            self.tries[worker.task] += 1
            if self.tries[worker.task] == TRIES:
                self.finish(worker, Lost(how))
                again = None
        if again is not None or self.waiting:
            self.start(again)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started here never hear of Ctrl-C, which the terminal sends to all; this one hears of it afterwards.

    Blocked signals are inherited: so not even a worker that is still importing answers with a traceback. Windows has no mask; there
    `_serve` makes itself deaf, a little later.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # started by the first process otherwise, and it unblocks the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(work: Work[Any, Any], pipe: Connection) -> None:
    """What a worker does: open, then task after task until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            job = work.open()
        except TympanError as error:
            pipe.send(("error", error.message, error.hint))
            return
        pipe.send(("ready",))
        while True:
            task = pipe.recv()
            pipe.send(("result", job(task, lambda value: pipe.send(("report", value)))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # who started this process is gone, killed perhaps
