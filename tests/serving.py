"""A server of tones in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from streams import recognizer_of
from tympan.serve import Limits, Models, create_app

TOKEN = "a-token-that-nobody-guesses"


@contextmanager
def served(folder: Path, *, limits: Limits | None = None, chunked: bool = True, **options: Any) -> Iterator[TestClient]:
    """A client of a server with one model, "tones"."""
    recognizer = recognizer_of(folder, chunked=chunked)
    app = create_app(Models({"tones": lambda: recognizer}), limits, **options)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def pcm(samples: np.ndarray) -> bytes:
    """As s16le."""
    return (samples * 32767).astype("<i2").tobytes()


def until(socket: Any, kind: str) -> list[dict[str, Any]]:
    """Messages up to one of that type."""
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["type"] != kind:
        messages.append(json.loads(socket.receive_text()))
        assert messages[-1]["type"] != "error" or kind == "error", messages[-1]
    return messages
