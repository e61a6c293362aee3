"""The page at `/`: the files of the folder `page`, as they are, under a policy that lets them reach this server and nothing else."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# 'self' covers sockets to the same host and port too (CSP level 3), so no other host can be sent anything.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Text of servers and files cannot become markup, not even by a mistake of ours.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Asked for again each time, and answered 304 if nothing changed: a newer server never meets an older page.
    "Cache-Control": "no-cache",
}


@cache
def content(name: str) -> tuple[bytes, str] | None:
    """A file of the page and its tag; None if there is none of that name. Names come from the folder, never from a request."""
    for file in resources.files("tympan.serve").joinpath("page").iterdir():
        if file.name == name and name.rpartition(".")[2] in MEDIA:
            data = file.read_bytes()
            return data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    return None


async def page(request: Request) -> Response:
    """`GET /` and `GET /page/NAME`."""
    name = request.path_params.get("name", "index.html")
    found = content(name)
    if found is None:
        raise HTTPException(404, "The page has no such file.")
    data, tag = found
    headers = {**HEADERS, "ETag": tag}
    if tag in (each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=MEDIA[name.rpartition(".")[2]])
