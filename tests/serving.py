"""A server of tones, in this process or in one of its own, and its clients."""

from __future__ import annotations

import asyncio
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
import websockets
from starlette.testclient import TestClient

from streams import RATE, packets, recognizer_of
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


async def spoken(address: str, samples: np.ndarray, pace_s: float = 0.0, **start: Any) -> list[dict[str, Any]]:
    """What the server says to samples in packets of 100 ms.

    Args:
        address: of the server, http://...
        samples: at `RATE`.
        pace_s: between two packets, by the clock: one that was late is not made up for by a gap. 0.1 is real time.
        start: fields of the first message.
    """
    loop = asyncio.get_running_loop()
    async with websockets.connect(f"{address.replace('http', 'ws')}/v1/listen") as socket:

        async def speak() -> None:
            await socket.send(json.dumps({"type": "start", **start}))
            begun = loop.time()
            for index, packet in enumerate(packets(samples, [RATE // 10]), 1):
                await socket.send(pcm(packet))
                await asyncio.sleep(max(0.0, begun + index * pace_s - loop.time()))
            await socket.send(json.dumps({"type": "finish"}))

        speaking = asyncio.ensure_future(speak())
        found = [json.loads(message) async for message in socket]
        await asyncio.gather(speaking, return_exceptions=True)  # the server may have said goodbye before
        return found


def texts(messages: list[dict[str, Any]]) -> str:
    """Of the finals."""
    return " ".join(message["text"] for message in messages if message["type"] == "final")
