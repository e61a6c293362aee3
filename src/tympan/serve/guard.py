"""Who may come in: tokens, hosts and origins, and how much a body may hold."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tympan.errors import TympanError
from tympan.serve.limits import Limits
from tympan.serve.state import State

OPEN = ("/", "/healthz", "/readyz")  # for probes and browsers, which carry no token
OPEN_FOLDER = "/page/"  # what the page at / is made of; it asks for the token itself
LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
BEARER = "bearer."  # before the token among the subprotocols of a socket: browsers can set no header there
SUBPROTOCOL = "tympan.v1"
SHORTEST_TOKEN = 16
LINGER_S, LINGER_BYTES = 5.0, 16 << 20  # of a body that is not wanted, which are read and dropped so that its client can read why


def read_tokens(path: Path) -> tuple[bytes, ...]:
    """The SHA-256 of each token of a file, one a line, `#` for notes.

    Raises:
        TympanError: it cannot be read, holds none, or one that is short.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TympanError(f"The tokens in {path} cannot be read ({error}).") from None
    tokens = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not tokens:
        raise TympanError(f"{path} holds no token.", "One a line: python -c 'import secrets; print(secrets.token_urlsafe(32))'")
    if any(len(token) < SHORTEST_TOKEN for token in tokens):
        raise TympanError(f"{path} holds a token of fewer than {SHORTEST_TOKEN} signs.", "Take one that nobody can guess.")
    return tuple(hashlib.sha256(token.encode()).digest() for token in tokens)


def error_body(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, object]:
    """An error in the shape of OpenAI's API."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class Guard:
    """ASGI middleware before all doors.

    Args:
        app: what lies behind.
        state: of the server.
        tokens: hashes; none lets everybody in.
        hosts: names by which the server may be called; none for any. Without it a foreign page could reach a server on this machine by
            a name of its own that leads here (DNS rebinding).
        origins: other origins whose pages may open sockets; a page of the server itself always may.
    """

    def __init__(self, app: ASGIApp, state: State, *, tokens: Iterable[bytes], hosts: Iterable[str], origins: Iterable[str]) -> None:
        self.app = app
        self.state = state
        self.tokens = tuple(tokens)
        self.hosts = frozenset(hosts)
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "http":
            body = Body(receive, send, headers, self.state.limits)
            receive, send = body.receive, body.send
        refusal = self.refusal(scope, headers) or (self.unreadable(headers) if scope["type"] == "http" else None)
        if refusal is not None:
            await respond(scope, receive, send, *refusal)
        elif scope["type"] == "websocket":
            await self.patient(scope, receive, send, ConnectionAbortedError)  # as if it had gone
        else:
            await self.patient(scope, receive, send, UnreadError)

    async def patient(self, scope: Scope, receive: Receive, send: Send, error: type[Exception]) -> None:
        """The doors behind, for a client that reads what it is sent; else the error ends what they do.

        Here and in all doors anyio sets the time: asyncio's wait_for, until Python 3.12, forgets a cancellation that comes as the awaited
        thing is done, and what was to end would wait for ever and keep its place.
        """

        async def patiently(message: Message) -> None:
            try:
                with anyio.fail_after(self.state.limits.idle_s):
                    await send(message)
            except TimeoutError:
                raise error from None

        with contextlib.suppress(UnreadError):  # the connection is closed, as its answer is not whole
            await self.app(scope, receive, patiently)

    def refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Why a request may not come in."""
        host = headers.get("host", "")
        if self.hosts and host.rpartition(":")[0 if host.rpartition(":")[2].isdigit() and host.count(":") else 2] not in self.hosts:
            return 421, "The server is not called by this name."
        asks = scope["path"] not in OPEN and not scope["path"].startswith(OPEN_FOLDER)
        if self.tokens and asks and not self.known(headers):
            return 401, "A token is missing, or it is not known here: Authorization: Bearer TOKEN"
        origin = headers.get("origin")
        if scope["type"] == "websocket" and origin is not None and origin not in self.origins and urlsplit(origin).netloc != host:
            return 403, "Pages of this origin may not open sockets here."
        return None

    def unreadable(self, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Why a body is not even begun."""
        length, most = headers.get("content-length", "0"), self.state.limits.max_upload_bytes
        if not length.isascii() or not length.isdigit():
            return 400, "The Content-Length is no number."
        if len(length) > 18 or int(length) > most:
            return 413, f"The body may hold {most:,} bytes."
        return None

    def known(self, headers: Mapping[str, str]) -> bool:
        """Whether one of the tokens was sent; compared in constant time, and with all."""
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        given = [sent.strip()] if scheme.lower() == "bearer" else []
        protocols = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",")]
        given += [each[len(BEARER) :] for each in protocols if each.startswith(BEARER)]
        found = False
        for token in given[:4]:
            digest = hashlib.sha256(token.encode()).digest()
            for each in self.tokens:
                found |= hmac.compare_digest(digest, each)
        return found


class UnreadError(Exception):
    """A client does not read its answer."""


class BodyError(Exception):
    """A body that is not waited for: a sentence, and a status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Body:
    """A request's, up to a size and at a pace; and the end of a connection whose body is not read to its end.

    Args:
        receive, send: of the request.
        headers: of it.
        limits: of the server.
    """

    def __init__(self, receive: Receive, send: Send, headers: Mapping[str, str], limits: Limits) -> None:
        self.from_client = receive
        self.to_client = send
        self.limits = limits
        self.over = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self.refused = False
        self.leaving = False
        self.seen = 0
        self.begun = time.monotonic()

    async def receive(self) -> Message:
        """The next of it.

        Raises:
            BodyError: it is too large, whatever its header said, or comes too slowly.
        """
        if self.over or self.refused:  # what comes now is a disconnect, for which an answer in pieces waits, or is not wanted
            message = await self.from_client()
        else:
            patience = self.begun + self.limits.idle_s + self.seen / self.limits.slowest_upload - time.monotonic()
            try:
                with anyio.fail_after(max(patience, 0.001)):
                    message = await self.from_client()
            except TimeoutError:
                self.refused = True
                raise BodyError("The body comes too slowly.", 408) from None
        self.seen += len(message.get("body", b""))
        self.over = self.over or not message.get("more_body", False)
        if self.seen > self.limits.max_upload_bytes and not self.refused:
            self.refused = True
            raise BodyError(f"The body may hold {self.limits.max_upload_bytes:,} bytes.", 413)
        return message

    async def send(self, message: Message) -> None:
        """To the client. If its body was not read to the end, the connection ends with the answer."""
        if message["type"] == "http.response.start" and not self.over:
            self.leaving = True
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not (last and self.leaving):
            await self.to_client(message)
            return
        await self.to_client({**message, "more_body": True})
        with anyio.move_on_after(LINGER_S):
            await self.drop()
        await self.to_client({"type": "http.response.body", "body": b""})

    async def drop(self) -> None:
        """Read on for a while: closed with bytes that nobody read, the system would drop the answer as well."""
        self.refused = True
        most = self.seen + LINGER_BYTES
        while not self.over and self.seen < most:
            await self.receive()


async def respond(scope: Scope, receive: Receive, send: Send, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
    """An error as an answer, also to a socket that was not accepted."""
    extra = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    response = JSONResponse(error_body(message), status, {**extra, **(headers or {})})
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        start = {"type": "websocket.http.response.start", "status": status, "headers": response.raw_headers}
        await send(start)
        await send({"type": "websocket.http.response.body", "body": response.body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": message[:120]})
