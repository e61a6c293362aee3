"""Who may come in: tokens, hosts and origins, and how much a body may hold."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tympan.errors import TympanError
from tympan.serve.state import State

OPEN = ("/", "/healthz", "/readyz")  # for probes and browsers, which carry no token
OPEN_FOLDER = "/page/"  # what the page at / is made of; it asks for the token itself
LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
BEARER = "bearer."  # before the token among the subprotocols of a socket: browsers can set no header there
SUBPROTOCOL = "tympan.v1"
SHORTEST_TOKEN = 16


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
        self.max_body = state.limits.max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self.refusal(scope, headers)
        if refusal is not None:
            await respond(scope, receive, send, *refusal)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self.max_body:
            await respond(scope, receive, send, 413, f"The body may hold {self.max_body:,} bytes.")
            return
        await self.app(scope, counted(receive, self.max_body), send)

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


class TooLargeError(Exception):
    """A body holds more than it may, whatever its header said."""


def counted(receive: Receive, most: int) -> Receive:
    """`receive` that ends with `TooLargeError` once the body is too large."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise TooLargeError
        return message

    return counting


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
