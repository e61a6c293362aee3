"""Anything at all on the server's live doors: each client is answered in messages and let go, and nothing of it stays.

python fuzz/fuzz_messages.py CORPUS -max_total_time=60        (libFuzzer's options; `make fuzz` runs it on seeds)

The first byte of the input chooses the door: /v1/listen, /vosk, or Wyoming's. On the sockets the rest is messages parted by SEPARATOR; one
that begins with TEXT is text, others are bytes. On Wyoming's it is the bytes of the connection. A fault of the server is what it would
report to its operator: here it ends the run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["tympan.serve", "tympan.streaming", "tympan.audio", "wyoming"]):
    from seeds import DOORS, SEPARATOR, TEXT, recognizer_of_tones

    from tympan.serve import Limits, Models, create_app
    from tympan.serve.wyoming import Connection, WyomingDoor

MOST_MESSAGES = 40
FOLDER = tempfile.TemporaryDirectory()
FAULTS: list[logging.LogRecord] = []


class Faults(logging.Handler):
    """Keeps what the server reports."""

    def emit(self, record: logging.LogRecord) -> None:
        FAULTS.append(record)


class Writer:
    """What Wyoming's connection writes to."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.transport = self

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, parts: list[bytes]) -> None:
        self.written += b"".join(parts)

    async def drain(self) -> None: ...

    def write_eof(self) -> None: ...

    def abort(self) -> None: ...


async def at_socket(app: Any, door: str, data: bytes) -> None:
    """One client of a socket, from its first message to the server's last."""
    incoming: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    for part in data.split(SEPARATOR)[:MOST_MESSAGES]:
        text = part.startswith(TEXT)
        incoming.append({"type": "websocket.receive", "text": part[1:].decode("utf-8", "replace")} if text else
                        {"type": "websocket.receive", "bytes": part})  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return incoming.pop(0) if incoming else {"type": "websocket.disconnect", "code": 1006}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost")]
    scope = {"type": "websocket", "asgi": {"version": "3.0"}, "path": door, "raw_path": door.encode(), "headers": headers}
    scope |= {"query_string": b"", "subprotocols": [], "scheme": "ws", "client": ("127.0.0.1", 1), "server": ("localhost", 80)}
    scope |= {"root_path": "", "http_version": "1.1", "state": {}, "extensions": {}}
    await app(scope, receive, send)
    assert sent and sent[0]["type"] == "websocket.accept", sent
    for message in sent[1:]:
        if message["type"] == "websocket.send":
            assert isinstance(json.loads(message["text"]), dict)
        else:
            assert message["type"] == "websocket.close", message


async def at_wyoming(door: WyomingDoor, data: bytes) -> None:
    """One client of Wyoming's door."""
    reader = asyncio.StreamReader(limit=1 << 16)
    reader.feed_data(data)
    reader.feed_eof()
    writer = Writer()
    await door.served(Connection(door.state, reader, writer))  # type: ignore[arg-type]


class Server:
    """One for all inputs: what an input leaves behind is seen in the next."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        recognizer = recognizer_of_tones(Path(FOLDER.name))
        self.app = create_app(Models({"tones": lambda: recognizer}), Limits(idle_s=5, max_stream_s=60), workers=1)
        self.state = self.app.state
        self.door = WyomingDoor(self.state, None)  # type: ignore[arg-type]

    def serve(self, data: bytes) -> None:
        door = DOORS[data[0] % len(DOORS)]
        talk = at_wyoming(self.door, data[1:]) if door == "wyoming" else at_socket(self.app, door, data[1:])
        self.loop.run_until_complete(talk)
        state = self.state
        assert not FAULTS, FAULTS[0].exc_info
        assert not state.reserved and not state.lines and not state.jobs
        assert not any(thread.sessions for thread in state.scheduler.threads)


logging.getLogger("tympan.serve").addHandler(Faults())
SERVER = Server()


def test_one(data: bytes) -> None:
    if data:
        SERVER.serve(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
