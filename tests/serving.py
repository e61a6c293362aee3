"""A server of tones, in this process or in one of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from starlette.testclient import TestClient

from streams import RATE, recognizer_of
from tympan.serve import Limits, Models, create_app

TOKEN = "a-token-that-nobody-guesses"
READY_S = 60


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


def wav(samples: np.ndarray) -> bytes:
    """As a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def until(socket: Any, kind: str) -> list[dict[str, Any]]:
    """Messages up to one of that type."""
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["type"] != kind:
        messages.append(json.loads(socket.receive_text()))
        assert messages[-1]["type"] != "error" or kind == "error", messages[-1]
    return messages


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A server of tones: its process, its address, and what it writes to stderr."""
    recognizer_of(folder)
    model = f"tones={folder / 'tones.tympan'}"
    with started("--model", model, "--scorer", str(folder / "words.scorer"), "--workers", "2", *arguments) as server:
        yield server


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """`tympan serve`: its process, its address, and what it writes to stderr."""
    command = [sys.executable, "-m", "tympan", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines: list[str] = []
        ready = threading.Event()

        def read() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                lines.append(line)
                if "ready at" in line:
                    ready.set()
            ready.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            assert ready.wait(READY_S) and lines and "ready at" in lines[-1], lines
            yield process, lines[-1].split("ready at ")[1].split()[0], lines
        finally:
            process.kill()
            process.wait()
            reader.join()
