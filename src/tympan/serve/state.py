"""What all doors of a server share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tympan.serve.limits import Limits
from tympan.serve.metrics import Metrics
from tympan.serve.models import Models
from tympan.serve.scheduler import Scheduler

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer
    from tympan.serve.socket import Line

log = logging.getLogger("tympan.serve")
P = ParamSpec("P")
T = TypeVar("T")


def report(error: Exception) -> None:
    """Tell the operator of an error that is ours; clients get a sentence without details."""
    log.error("A stream failed", exc_info=error)


@dataclass
class State:
    """One server's models, threads, limits, figures, and who is connected.

    Attributes:
        stopping: no new streams or uploads.
        lines: of sockets that are open.
        reserved: sockets that are open or being opened.
        jobs: uploads that are transcribed or wait.
        uploads: threads for them. As few as may work at a time: each keeps some megabytes of what it once needed.
        words: a thread that makes searches for hot words, while streams go on.
    """

    models: Models
    limits: Limits
    metrics: Metrics
    scheduler: Scheduler
    uploads: ThreadPoolExecutor
    words: ThreadPoolExecutor
    stopping: bool = False
    lines: set[Line] = field(default_factory=set)
    reserved: int = 0
    jobs: int = 0

    @classmethod
    def make(cls, models: Models, limits: Limits, workers: int) -> State:
        """With its threads running."""
        metrics = Metrics()
        uploads, words = ThreadPoolExecutor(limits.max_jobs, "tympan-upload"), ThreadPoolExecutor(1, "tympan-words")
        state = cls(models, limits, metrics, Scheduler(workers, metrics, report), uploads, words)
        metrics.streams.set_function(lambda: state.reserved)
        metrics.jobs.set_function(lambda: state.jobs)
        metrics.queue.set_function(lambda: sum(line.session.waiting_s for line in list(state.lines)))
        return state

    def reserve(self, protocol: str) -> str | None:
        """Take a place for a socket, given back by `release`; or why there is none."""
        if self.stopping:
            self.metrics.refused.labels("stopping").inc()
            return "The server is stopping."
        if self.reserved >= self.limits.max_streams:
            self.metrics.refused.labels("streams").inc()
            return f"All {self.limits.max_streams} streams of the server are taken."
        self.reserved += 1
        self.metrics.opened.labels(protocol).inc()
        return None

    def release(self) -> None:
        """Give a socket's place back."""
        self.reserved -= 1

    async def at_work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A step of an upload's, when it is its turn."""
        return await asyncio.get_running_loop().run_in_executor(self.uploads, partial(function, *args, **kwargs))

    async def recognizer(self, model: str | None, hot_words: Mapping[str, float]) -> Recognizer:
        """That of a name, None the default, with hot words; TympanError if there is none, or one cannot be spelled."""
        loaded = self.models.find(model)
        if not hot_words:
            return loaded.recognizer
        return await asyncio.get_running_loop().run_in_executor(self.words, loaded.recognizer_with, hot_words)

    async def drain(self) -> None:
        """Let all streams say their last words, and take no new ones."""
        self.stopping = True
        for line in list(self.lines):
            line.session.finish()
        deadline = asyncio.get_running_loop().time() + self.limits.stop_s
        while (self.lines or self.reserved or self.jobs) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)

    def stop(self) -> None:
        """End all threads."""
        for pool in (self.uploads, self.words):
            pool.shutdown(wait=False, cancel_futures=True)
        self.scheduler.stop()
