"""Many streams, one network: what is ready is run as one batch, on one thread a core.

    session = scheduler.open(stream, notify)
    session.audio(samples, 48000); session.flush(); session.finish()      # from any thread; nothing waits
    notify(events)                                                        # on the scheduler's thread

A worker sleeps until a session has something. It then takes all that is ready of all its sessions, each stream's next chunk, and runs
the network once for them; the search follows stream by stream. While it runs, the next batch gathers; it also waits for one, the longer
the busier it is, as eight chunks at once take half the time of eight alone. Who asks for a final waits for nobody. A stream stays with
its worker, so nothing of it is locked.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tympan.errors import TympanError
from tympan.serve.metrics import Metrics
from tympan.streaming import Final, Partial, PieceStream, Reason, Stream

MAX_BATCH = 8  # beyond it a chunk takes no less time, and beyond twelve more: what is between layers leaves the cache
GATHER_S = 0.02  # that chunks wait for others at most, where the worker is always busy
BUSY_WINDOW_S = 1.0


@dataclass(frozen=True)
class Event:
    """What a stream tells its client.

    Attributes:
        kind: "speech_started", "partial", "final", "flushed", "finished" or "failed".
        value: seconds; a `Partial`; a `Final`; None; the transcript's seconds; an error's sentence.
    """

    kind: str
    value: Any = None


@dataclass(frozen=True)
class Command:
    """What a client asks of its stream: audio, or an end."""

    at: float  # time.monotonic
    samples: npt.NDArray[Any] | None = None
    sample_rate: int = 0
    reason: Reason | None = None


def nobody(events: list[Event]) -> None:
    """Who is told when the client is gone."""


class Session:
    """A stream on a worker.

    Args:
        stream: the recogniser's.
        worker: its thread.
        notify: called with events on that thread; must not block.
        partials: whether it is told of partials.
    """

    def __init__(self, stream: Stream | PieceStream, worker: Worker, notify: Callable[[list[Event]], None], partials: bool) -> None:
        self.stream = stream
        self.worker = worker
        self.notify = notify
        self.partials = partials
        self.inbox: deque[Command] = deque()
        self.lock = threading.Lock()
        self.waiting_s = 0.0  # audio that was not heard yet
        self.ending: Command | None = None
        self.asked = 0  # finals that its client waits for
        self.heard_at = 0.0  # when the audio came that is being heard
        self.open = True
        self.told_speech: float | None = None
        self.told: Partial | None = None

    # ---- for the client's side, any thread

    def audio(self, samples: npt.NDArray[Any], sample_rate: int) -> None:
        """A packet."""
        with self.lock:
            self.waiting_s += len(samples) / sample_rate
        self.post(Command(time.monotonic(), samples, sample_rate))

    def flush(self) -> None:
        """A final now; the stream stays open. Told by "flushed"."""
        self.post(Command(time.monotonic(), reason="flush"))

    def finish(self) -> None:
        """The last final. Told by "finished"."""
        self.post(Command(time.monotonic(), reason="finish"))

    def post(self, command: Command) -> None:
        """To the worker."""
        if command.reason is not None:
            with self.lock:
                self.asked += 1
        self.inbox.append(command)
        self.worker.wake(self, urgent=command.reason is not None)

    def close(self) -> None:
        """The client is gone: nothing more is heard or told, and nothing of its line is held."""
        self.open = False
        self.inbox.clear()
        self.worker.forget(self)
        self.notify = nobody

    # ---- on the worker's thread

    def begin_next(self) -> bool:
        """Take up what was asked for next; False if there is nothing to take up before the network has run."""
        if self.ending is not None or not self.inbox or not self.open:
            return False
        command = self.inbox.popleft()
        if command.samples is not None:
            with self.lock:
                self.waiting_s -= len(command.samples) / command.sample_rate
            self.heard_at = command.at
            if isinstance(self.stream, Stream):
                self.stream.push(command.samples, command.sample_rate)
            else:
                self.stream.accept(command.samples, command.sample_rate)
        else:
            self.ending = command
            if isinstance(self.stream, Stream):
                self.stream.hearing.end()
        return True

    def end(self) -> None:
        """What is to be ended has been heard."""
        command, self.ending = self.ending, None
        with self.lock:
            self.asked -= 1
        assert command is not None and command.reason is not None
        if isinstance(self.stream, Stream):
            self.stream.conclude(command.reason)
        else:
            self.stream.end(command.reason)
        self.tell()
        self.worker.metrics.finalisation.observe(time.monotonic() - command.at)
        self.notify([Event("flushed" if command.reason == "flush" else "finished", self.stream.seconds)])

    def tell(self) -> None:
        """Events since the last time."""
        events: list[Event] = []
        speech = self.stream.speech_start
        finals: list[Final] = self.stream.finals()
        if finals:
            events += [Event("final", final) for final in finals]
            self.told = self.told_speech = None
        if speech is not None and self.told_speech is None:
            events.append(Event("speech_started", speech))
        self.told_speech = speech
        if self.partials:
            partial = self.stream.partial()
            before = self.told
            if (partial.text or before) and (before is None or (partial.text, partial.stable) != (before.text, before.stable)):
                events.append(Event("partial", partial))
                self.told = partial if partial.text else None
        if events and self.open:
            self.notify(events)

    def fail(self, error: Exception) -> None:
        """Something is wrong with what was sent, or with us."""
        sentence = error.message if isinstance(error, TympanError) else "The server failed on this stream; it was told to its operator."
        self.open = False
        self.worker.forget(self)
        if not isinstance(error, TympanError):
            self.worker.report(error)
        self.notify([Event("failed", sentence)])


class Worker(threading.Thread):
    """A thread that runs its sessions' networks and searches."""

    def __init__(self, name: str, metrics: Metrics, report: Callable[[Exception], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.metrics = metrics
        self.report = report
        self.condition = threading.Condition()
        self.ready: dict[Session, None] = {}  # in the order in which they woke
        self.sessions: set[Session] = set()
        self.busy = 0.0  # share of the last second or so
        self.ended = time.monotonic()  # the last work
        self.urgent: dict[Session, None] = {}  # those whose clients wait for a final
        self.gathering = False
        self.stopping = False

    def wake(self, session: Session, urgent: bool = False) -> None:
        """There is something in its inbox; urgent: its client waits for a final."""
        with self.condition:
            if session.open:
                (self.urgent if urgent else self.ready)[session] = None
                if urgent or not self.gathering:
                    self.condition.notify()

    def forget(self, session: Session) -> None:
        """It is over."""
        with self.condition:
            self.ready.pop(session, None)
            self.urgent.pop(session, None)
            self.sessions.discard(session)

    def stop(self) -> None:
        """End the thread after what it is at."""
        with self.condition:
            self.stopping = True
            self.condition.notify()

    def run(self) -> None:
        while True:
            with self.condition:
                while not self.ready and not self.urgent and not self.stopping:
                    self.condition.wait()
                self.gathering = True
                if not self.urgent and not self.stopping and len(self.sessions) > len(self.ready):  # others may be about to send
                    self.condition.wait(self.patience())
                self.gathering = False
                if self.stopping:
                    return
            begun = time.monotonic()
            self.turn()
            self.worked(begun, time.monotonic())

    def patience(self) -> float:
        """Seconds that what is ready waits for more."""
        return GATHER_S * self.busy

    def worked(self, begun: float, ended: float) -> None:
        """Keep count of how busy it is: an exponential mean over about a second."""
        idle, work = max(0.0, begun - self.ended), ended - begun
        self.busy = 1 - (1 - self.busy * math.exp(-idle / BUSY_WINDOW_S)) * math.exp(-work / BUSY_WINDOW_S)
        self.ended = ended

    def turn(self) -> None:
        """All that the sessions have, batch by batch; who waits for a final comes first, and waits for no batch to fill."""
        with self.condition:
            queue, self.ready = self.ready, {}
        while queue := {**self.hurried(), **queue}:
            batch: list[tuple[Session, Any]] = []
            for session in tuple(queue):
                del queue[session]
                if (work := self.next_work(session)) is not None:
                    batch.append((session, work))
                    if session.asked or len(batch) == MAX_BATCH:
                        break
            kinds: dict[Any, list[tuple[Session, Any]]] = {}
            for session, work in batch:
                kinds.setdefault(session.stream.kind, []).append((session, work))  # type: ignore[union-attr]
            for kind, items in kinds.items():
                self.encode(kind, items)
            again = [session for session, _ in batch if session.open]
            asked = dict.fromkeys(session for session in again if session.asked)
            queue = {**asked, **queue, **dict.fromkeys(again)}

    def hurried(self) -> dict[Session, None]:
        """Those who came to wait for a final."""
        with self.condition:
            urgent, self.urgent = self.urgent, {}
            for session in urgent:
                self.ready.pop(session, None)
            return urgent

    def next_work(self, session: Session) -> Any:
        """What the network is to be run on for it; None if nothing is left."""
        try:
            while session.open:
                if isinstance(session.stream, Stream) and (work := session.stream.take()) is not None:
                    return work
                if session.ending is not None:
                    session.end()
                elif not session.begin_next():
                    return None
                elif isinstance(session.stream, PieceStream):
                    session.tell()
        except Exception as error:  # one stream's fault must not reach another
            session.fail(error)
        return None

    def encode(self, kind: Any, items: Sequence[tuple[Session, Any]]) -> None:
        """One run of the network, and each stream's search."""
        begun = time.monotonic()
        try:
            found = kind.encode([(session.stream.hearing, work) for session, work in items])  # type: ignore[union-attr]
        except Exception as error:
            for session, _ in items:
                session.fail(error)
            return
        self.metrics.batch.observe(len(items))
        for (session, work), log_probs in zip(items, found, strict=True):
            try:
                session.stream.put(work, log_probs)  # type: ignore[union-attr]
                session.tell()
            except Exception as error:
                session.fail(error)
            self.metrics.chunk.observe(time.monotonic() - session.heard_at)
        self.metrics.busy.inc(time.monotonic() - begun)


@dataclass
class Scheduler:
    """The workers of a server.

    Args:
        workers: threads; one a core.
        metrics: of the server.
        report: told of errors that are ours.
    """

    workers: int
    metrics: Metrics
    report: Callable[[Exception], None]
    threads: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.threads = [Worker(f"tympan-{index}", self.metrics, self.report) for index in range(self.workers)]
        for thread in self.threads:
            thread.start()

    def open(self, stream: Stream | PieceStream, notify: Callable[[list[Event]], None], *, partials: bool = True) -> Session:
        """A session on the worker that has the fewest."""
        worker = min(self.threads, key=lambda thread: len(thread.sessions))
        session = Session(stream, worker, notify, partials)
        worker.sessions.add(session)
        return session

    def stop(self) -> None:
        """End all threads."""
        for thread in self.threads:
            thread.stop()
        for thread in self.threads:
            thread.join(timeout=5)
