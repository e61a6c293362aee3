"""The server's doors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from tympan.serve.documents import asyncapi, openapi
from tympan.serve.guard import Guard, UnreadError, error_body
from tympan.serve.limits import Limits
from tympan.serve.listen import listen
from tympan.serve.metrics import CONTENT_TYPE
from tympan.serve.models import Models
from tympan.serve.page import page
from tympan.serve.state import State, report
from tympan.serve.transcriptions import models, transcriptions
from tympan.serve.vosk import vosk


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Whether new streams are welcome."""
    state: State = request.app.state.server
    full = state.reserved >= state.limits.max_streams
    if state.stopping or full:
        return PlainTextResponse("stopping\n" if state.stopping else "full\n", 503)
    return PlainTextResponse("ready\n")


async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    state: State = request.app.state.server
    return Response(state.metrics.text(), media_type=CONTENT_TYPE)


async def refused(request: Request, error: Exception) -> Response:
    """404, 405 and the like, in the one shape of errors."""
    assert isinstance(error, HTTPException)
    return JSONResponse(error_body(error.detail), error.status_code, error.headers)


async def failed(request: Request, error: Exception) -> Response:
    """An error of ours: told to the operator, not to the client."""
    if not isinstance(error, UnreadError):
        report(error)
    return JSONResponse(error_body("The server failed on this request; it was told to its operator.", "server_error"), 500)


ROUTES = (
    Route("/", page),
    Route("/page/{name}", page),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    Route("/openapi.json", openapi),
    Route("/asyncapi.json", asyncapi),
    Route("/v1/models", models),
    Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
    WebSocketRoute("/v1/listen", listen),
    WebSocketRoute("/vosk", vosk),
)


def create_app(
    loaded: Models,
    limits: Limits | None = None,
    *,
    workers: int = 1,
    tokens: Iterable[bytes] = (),
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
) -> Guard:
    """The ASGI application.

    Args:
        loaded: the models.
        limits: what it takes on.
        workers: threads for streams; one a core.
        tokens: SHA-256 of the tokens that are let in; none for everybody.
        hosts: names by which it may be called; none for any.
        origins: of foreign pages that may open sockets.

    Returns:
        It, with the server's `state`.
    """
    limits = limits or Limits()
    state = State.make(loaded, limits, workers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await state.drain()
        state.stop()

    app = Starlette(routes=ROUTES, lifespan=lifespan, exception_handlers={HTTPException: refused, Exception: failed})
    app.state.server = state
    return Guard(app, state, tokens=tokens, hosts=hosts, origins=origins)
