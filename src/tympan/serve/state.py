"""What all doors of a server share."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tympan.serve.limits import Limits
from tympan.serve.metrics import Metrics
from tympan.serve.models import Models
from tympan.serve.scheduler import Scheduler

if TYPE_CHECKING:
    from tympan.serve.socket import Line

log = logging.getLogger("tympan.serve")


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
    """

    models: Models
    limits: Limits
    metrics: Metrics
    scheduler: Scheduler
    stopping: bool = False
    lines: set[Line] = field(default_factory=set)
    reserved: int = 0
    jobs: int = 0

    @classmethod
    def make(cls, models: Models, limits: Limits, workers: int) -> State:
        """With its threads running."""
        metrics = Metrics()
        state = cls(models, limits, metrics, Scheduler(workers, metrics, report))
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

    async def drain(self) -> None:
        """Let all streams say their last words, and take no new ones."""
        self.stopping = True
        for line in list(self.lines):
            line.session.finish()
        deadline = asyncio.get_running_loop().time() + self.limits.stop_s
        while (self.lines or self.reserved or self.jobs) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
