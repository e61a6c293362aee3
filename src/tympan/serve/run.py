"""A server in the foreground, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import weakref
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Protocol

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from tympan.serve.guard import Guard

MOST_PIECES = 1000  # of a message

log = logging.getLogger("tympan.serve")


class Door(Protocol):
    """What is opened beside HTTP, on the same loop."""

    async def open(self) -> None:
        """Take connections."""
        ...

    async def close(self) -> None:
        """End them."""
        ...


class Server(uvicorn.Server):
    """uvicorn's server, which lets streams say their last words before it stops.

    Args:
        config: uvicorn's.
        app: ours.
        ready: called once it listens.
        doors: opened and closed with it.
    """

    def __init__(self, config: uvicorn.Config, app: Guard, ready: Callable[[], None], doors: Sequence[Door]) -> None:
        super().__init__(config)
        self.ours = app
        self.ready = ready
        self.doors = doors
        self.loop: asyncio.AbstractEventLoop | None = None
        self.leaving: asyncio.Task[None] | None = None
        self.told_to_stop = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            self.loop.add_signal_handler(signal.SIGHUP, self.reload)
        await super().startup(sockets)
        if not self.should_exit:
            for door in self.doors:
                await door.open()
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for door in self.doors:
            await door.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets streams finish, the second does not."""
        if self.told_to_stop or self.loop is None:
            super().handle_exit(sig, frame)
            return
        self.told_to_stop = True
        self.loop.call_soon_threadsafe(self.leave)

    def leave(self) -> None:
        """Drain, then stop."""

        async def drained() -> None:
            await self.ours.state.drain()
            self.should_exit = True

        self.leaving = asyncio.ensure_future(drained())

    def reload(self) -> None:
        """Open the models again, in a thread: streams go on meanwhile."""

        def reloaded() -> None:
            for sentence in self.ours.state.models.reload():
                log.error("%s", sentence)
            log.warning("The models were opened again.")

        assert self.loop is not None
        self.loop.run_in_executor(None, reloaded)


def impatient(idle_s: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol, which waits for ever for the first request of a connection, with an end to its patience."""

    class Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self.loop.call_later(idle_s, leave_the_silent, weakref.ref(self))  # which must not keep what is gone by then

    def leave_the_silent(connection: Callable[[], Any]) -> None:
        """No request began, and no socket was opened."""
        protocol = connection()
        if protocol is not None and protocol.cycle is None and protocol.transport.get_protocol() is protocol:
            protocol.transport.close()

    return Impatient


class Sockets(WebSocketsSansIOProtocol):
    """uvicorn's sockets, for clients that mean harm.

    Pings of one that does not read the answers are not answered: else those would wait in memory without an end. A message comes in a
    thousand pieces at most: empty ones would never reach its limit. Text that is none ends the socket without a line in the log.
    """

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # the answer, dropped

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_PIECES:
            super().handle_cont(event)
        elif not self.close_sent:
            self.fail(CloseCode.MESSAGE_TOO_BIG, "too many pieces")

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.fail(CloseCode.INVALID_DATA, "text that is no UTF-8")
                return
        super().send_receive_event_to_app()

    def fail(self, code: CloseCode, why: str) -> None:
        """End the socket; what else came of it is dropped."""
        self.conn.fail(code, why)
        self.handle_parser_exception()


def server_of(app: Guard, ready: Callable[[], None], doors: Sequence[Door] = ()) -> Server:
    """uvicorn as it is set up for us; arguments as of `run`."""
    limits = app.state.limits
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=impatient(limits.idle_s),
        ws=Sockets,
        ws_max_size=limits.max_message_bytes + 1,
        ws_per_message_deflate=False,  # samples do not get smaller by it, and its windows take 300 KB a socket
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=max(1, round(limits.stop_s)),
        lifespan="on",
    )
    return Server(config, app, ready, doors)


def run(app: Guard, listening: socket.socket, ready: Callable[[], None], doors: Sequence[Door] = ()) -> None:
    """Serve until a signal says stop.

    Args:
        app: the application.
        listening: a socket that listens.
        ready: called once connections are taken.
        doors: beside HTTP's.
    """
    # What was imported and loaded stays: with it a full collection takes long and comes seldom, and connections that are gone, which hold
    # themselves in circles, wait for it.
    gc.collect()
    gc.freeze()
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # else what was sent to a client that never reads would keep its connection for ever
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * app.state.limits.idle_s))
    server_of(app, ready, doors).run(sockets=[listening])
