"""What the socket protocols share: a session whose events wait for the client, and audio as bytes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tympan.errors import TympanError
from tympan.serve.scheduler import Event
from tympan.streaming import StreamOptions

if TYPE_CHECKING:
    from tympan.serve.state import State

ENCODINGS: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}
MOST_EVENTS = 1000  # that wait for a client which does not read
MOST_COMMANDS = 500  # and packets of a client, that wait for their turn


class SlowReaderError(TympanError):
    """The client does not read what it is sent."""


class Line:
    """One client's session: packets in, events out.

    Args:
        state: of the server.
        model: name, None the default.
        options, hot_words: of the stream.
        partials: whether partials are sent.

    Raises:
        TympanError: there is no such model, or a hot word cannot be spelled.
    """

    def __init__(self, state: State, model: str | None, options: StreamOptions, hot_words: Mapping[str, float], partials: bool) -> None:
        self.state = state
        self.loop = asyncio.get_running_loop()
        self.events: deque[Event] = deque()
        self.arrived = asyncio.Event()
        self.heard_s = 0.0
        self.overflow = False
        stream = state.models.find(model).stream(options, hot_words)
        self.session = state.scheduler.open(stream, self.notify, partials=partials)
        state.lines.add(self)

    def notify(self, events: list[Event]) -> None:
        """From the worker's thread."""
        try:
            self.loop.call_soon_threadsafe(self.add, events)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self.session.open = False

    def add(self, events: list[Event]) -> None:
        """Let events wait; of partials in a row only the newest."""
        for event in events:
            if event.kind == "partial" and self.events and self.events[-1].kind == "partial":
                self.events.pop()
            self.events.append(event)
        if len(self.events) > MOST_EVENTS:
            self.overflow = True
        self.arrived.set()

    async def next_events(self) -> AsyncIterator[Event]:
        """Events as they come, to the last."""
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            while self.events:
                event = self.events.popleft()
                yield event
                if event.kind in ("finished", "failed"):
                    return

    async def audio(self, samples: npt.NDArray[np.generic], sample_rate: int) -> None:
        """A packet; returns when there is room for the next.

        Raises:
            TympanError: the socket has sent all that one may, or its client does not read.
        """
        limits = self.state.limits
        self.heard_s += len(samples) / sample_rate
        if self.heard_s > limits.max_stream_s:
            raise TympanError(f"A stream may last {limits.max_stream_s:g} s.", "Open another.")
        self.session.audio(samples, sample_rate)
        await self.room()

    async def room(self) -> None:
        """Returns when there is room for the next of what a client may send.

        Raises:
            SlowReaderError: its client does not read.
        """
        if self.overflow:
            raise SlowReaderError("The client does not read what it is sent.")
        session = self.session
        while session.open and (session.waiting_s > self.state.limits.max_backlog_s or len(session.inbox) > MOST_COMMANDS):
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """The client is gone, or done."""
        self.session.close()
        self.state.lines.discard(self)


class Pcm:
    """Bytes in packets of any length -> samples; half a sample waits for its other half.

    Args:
        encoding: one of `ENCODINGS`.
        sample_rate: Hz.
        channels: interleaved in the bytes; 1 gives samples (n,), more give (n, channels).
    """

    def __init__(self, encoding: str, sample_rate: int = 0, channels: int = 1) -> None:
        plain = ENCODINGS[encoding]
        self.dtype = plain if channels == 1 else np.dtype((plain, (channels,)))
        self.sample_rate = sample_rate
        self.rest = b""

    def feed(self, data: bytes) -> list[tuple[int, npt.NDArray[Any]]]:
        """As `StreamUnpacker`: sample rate and samples."""
        return [(self.sample_rate, self(data))]

    def finish(self) -> list[tuple[int, npt.NDArray[Any]]]:
        """Nothing waits but half a sample."""
        return []

    def close(self) -> None:
        """Nothing is held."""

    def __call__(self, data: bytes) -> npt.NDArray[Any]:
        data = self.rest + data
        whole = len(data) // self.dtype.itemsize * self.dtype.itemsize
        self.rest = data[whole:]
        return np.frombuffer(data[:whole], self.dtype)


class Pace:
    """Counts messages: a mean of `most` a second over ten seconds is allowed.

    Args:
        most: messages a second.
    """

    WINDOW_S = 10.0

    def __init__(self, most: float) -> None:
        self.most = most
        self.credit = most * self.WINDOW_S
        self.at = time.monotonic()

    def allows(self) -> bool:
        """Whether one more message may come now."""
        now = time.monotonic()
        self.credit = min(self.most * self.WINDOW_S, self.credit + (now - self.at) * self.most) - 1
        self.at = now
        return self.credit >= 0
