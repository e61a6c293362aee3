"""What the server says of its doors: `GET /openapi.json`, and `GET /asyncapi.json` for the socket. Written by hand, held to by tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import tympan

__all__ = ["asyncapi", "document", "openapi"]


@cache
def document(name: str) -> dict[str, Any]:
    """One of the files beside this, with the version that runs."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    found["info"]["version"] = tympan.__version__
    return found


async def openapi(request: Request) -> Response:
    """`GET /openapi.json`: HTTP."""
    return JSONResponse(document("openapi"))


async def asyncapi(request: Request) -> Response:
    """`GET /asyncapi.json`: the socket."""
    return JSONResponse(document("asyncapi"))
