"""What strangers and broken networks do to a server on real sockets: nothing may stay taken, and memory must not follow what they say."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import websockets

from serving import pcm, wav
from streams import RATE, recognizer_of, said
from tympan.serve import Limits, Models, create_app
from tympan.serve.run import server_of
from tympan.serve.state import State

URL = "/v1/audio/transcriptions"
MIB = 1 << 20
UPGRADE = (
    b"GET /v1/listen HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@asynccontextmanager
async def live(folder: Path, limits: Limits, buffer: int | None = None) -> AsyncIterator[tuple[int, State]]:
    """A server of tones on a port of this loop, of which nothing may be taken in the end.

    Args:
        buffer: bytes of the system's buffer for what is sent.
    """
    recognizer = recognizer_of(folder)
    app = create_app(Models({"tones": lambda: recognizer}), limits)
    ready = asyncio.Event()
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    if buffer is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    server = server_of(app, ready.set)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    await ready.wait()
    state = app.state
    try:
        yield listening.getsockname()[1], state
        await until(lambda: not (state.reserved or state.lines or state.jobs or any(thread.sessions for thread in state.scheduler.threads)))
    finally:
        server.should_exit = server.force_exit = True
        await serving


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it."""
    for _ in range(round(seconds / 0.02)):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")


def within(folder: Path, talk: Callable[[int, State], Awaitable[Any]], limits: Limits, buffer: int | None = None) -> Any:
    """What comes of a talk with a server."""

    async def run() -> Any:
        async with live(folder, limits, buffer) as (port, state):
            return await asyncio.wait_for(talk(port, state), 120)

    return asyncio.run(run())


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    """Holds what is done inside to so much more memory of Python and numpy, client and server together."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield
        assert tracemalloc.get_traced_memory()[1] - before < mebibytes * MIB
    finally:
        tracemalloc.stop()


async def pushed(port: int, head: bytes, part: bytes, most: int, pause_s: float = 0.0) -> tuple[bytes, int]:
    """The answer to a body that is sent on and on, and how much of it went before the server closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    kind = b"" if b"Content-Type" in head else b"Content-Type: multipart/form-data; boundary=b\r\n"
    writer.write(b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n" + kind + head)
    answer, sent = bytearray(), 0

    async def read() -> None:
        while data := await reader.read(65_536):
            answer.extend(data)

    reading = asyncio.ensure_future(read())
    try:
        while sent < most and not reading.done():
            writer.write(part)
            await asyncio.wait_for(writer.drain(), 30)
            sent += len(part)
            await asyncio.sleep(pause_s)
    except OSError:
        pass  # closed, after it was answered
    await asyncio.wait([reading], timeout=30)
    await asyncio.gather(reading, return_exceptions=True)
    writer.transport.abort()
    return bytes(answer), sent


def test_a_gigabyte_that_is_announced_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async def talk(port: int, state: State) -> None:
        with at_most(8):
            answer, sent = await pushed(port, b"Content-Length: 1073741824\r\n\r\n", b"x" * 65_536, 1 << 30)
        assert answer.startswith(b"HTTP/1.1 413") and b"connection: close" in answer.lower() and sent < 64 * MIB

    within(tmp_path, talk, Limits())


def test_a_body_without_a_length_is_read_up_to_the_limit_alone(tmp_path: Path) -> None:
    begin = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    head = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(begin), begin)

    async def talk(port: int, state: State) -> None:
        with at_most(12):
            answer, sent = await pushed(port, head, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 1 << 30)
        assert answer.startswith(b"HTTP/1.1 413") and sent < 64 * MIB

    within(tmp_path, talk, Limits(max_upload_bytes=2 * MIB))


def test_bodies_that_drip_lose_their_place(tmp_path: Path) -> None:
    async def talk(port: int, state: State) -> None:
        answer, sent = await pushed(port, b"Content-Length: 100000\r\n\r\n", b"\n", 200, 0.05)
        assert answer.startswith(b"HTTP/1.1 408") and sent < 60 and state.jobs == 0

    within(tmp_path, talk, Limits(idle_s=0.3))


@pytest.mark.parametrize(("kind", "status"), [(b"multipart/form-data; boundary=b", b"400"), (b"text/plain", b"415")])
def test_connections_whose_body_is_not_wanted_are_closed(tmp_path: Path, kind: bytes, status: bytes) -> None:
    async def talk(port: int, state: State) -> None:
        answer, _ = await pushed(port, b"Content-Length: 100000\r\nContent-Type: " + kind + b"\r\n\r\n", b"x", 200, 0.05)
        assert answer.startswith(b"HTTP/1.1 " + status) and b"connection: close" in answer.lower()

    within(tmp_path, talk, Limits())


def test_bodies_that_never_come_lose_their_place(tmp_path: Path) -> None:
    async def talk(port: int, state: State) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n")
        writer.write(b"Content-Length: 9\r\n\r\n")
        await until(lambda: state.jobs == 1)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
        writer.close()

    within(tmp_path, talk, Limits(idle_s=0.3))


async def upload(port: int, data: bytes, **fields: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=100) as client:
        return await client.post(URL, files={"file": ("a", data)}, data=fields)


def silence_of(seconds: float, kind: str, subtype: str) -> bytes:
    """A small file of much silence."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE, 1, subtype, format=kind) as sound:
        for _ in range(round(seconds / 10)):
            sound.write(np.zeros(10 * RATE, np.float32))
    return file.getvalue()


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "OPUS")])
@pytest.mark.parametrize("stream", ["false", "true"])
def test_tiny_files_of_very_long_audio_are_stopped(tmp_path: Path, kind: str, subtype: str, stream: str) -> None:
    data = silence_of(300, kind, subtype)
    assert len(data) < 500_000

    async def talk(port: int, state: State) -> None:
        with at_most(40):
            answer = await upload(port, data, stream=stream)
        assert "may last 30 s" in answer.text and answer.status_code == (413 if stream == "false" else 200)

    within(tmp_path, talk, Limits(max_audio_s=30.0))


def claims(data: bytes, kind: str) -> bytes:
    """The same with a header that says hours."""
    if kind == "WAV":
        return data[:4] + struct.pack("<I", 0xFFFFFFF0) + data[8:40] + struct.pack("<I", 0xFFFFFF00) + data[44:]
    total = int.from_bytes(data[18:26], "big") | ((1 << 36) - 1)  # samples, in the last 36 bits of STREAMINFO's 8 bytes from 10
    return data[:18] + total.to_bytes(8, "big") + data[26:]


@pytest.mark.filterwarnings("ignore::tympan.audio.raw.TruncatedAudioWarning")
@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_headers_that_claim_hours_take_no_memory_and_give_no_failure_of_ours(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = io.BytesIO()
    soundfile.write(file, said(0.2, "bad cab"), RATE, format=kind, subtype="PCM_16")

    async def talk(port: int, state: State) -> None:
        with at_most(40):
            answer = await upload(port, claims(file.getvalue(), kind))
        assert answer.status_code in (200, 400, 413) and answer.json(), answer.text

    within(tmp_path, talk, Limits(max_audio_s=30.0))
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", UPGRADE])
def test_connections_on_which_nothing_comes_are_closed(tmp_path: Path, sent: bytes) -> None:
    async def talk(port: int, state: State) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        if sent == UPGRADE:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert state.reserved == 1
            assert b"Nothing came for 0.3 s" in await reader.readuntil(b"keepalive")
            await until(lambda: state.reserved == 0)
        else:
            await asyncio.wait_for(reader.read(), 10)
        writer.close()

    within(tmp_path, talk, Limits(idle_s=0.3))


def frame(kind: int, data: bytes) -> bytes:
    """Of a WebSocket, as a client sends it."""
    return bytes([kind, 0x80 | len(data)]) + b"\0\0\0\0" + data


SENT = {
    "commands": (frame(0x81, b'{"type": "flush"}'), 0.5),
    "pings": (frame(0x89, b"x" * 125), 1.0),  # which are no messages: it is idle
}


@pytest.mark.parametrize(("sent", "idle_s"), SENT.values(), ids=SENT)
def test_sockets_that_never_read_are_left(tmp_path: Path, sent: bytes, idle_s: float) -> None:
    """Their answers wait in the system's buffers and in ours, and when those are full the place goes to others."""

    async def talk(port: int, state: State) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.setblocking(False)
            await loop.sock_connect(plain, ("127.0.0.1", port))
            await loop.sock_sendall(plain, UPGRADE)
            assert (await loop.sock_recv(plain, 4096)).startswith(b"HTTP/1.1 101")
            await loop.sock_sendall(plain, frame(0x81, b'{"type": "start"}'))
            await until(lambda: len(state.lines) == 1)

            async def flood() -> None:
                with contextlib.suppress(OSError):  # it was left
                    for _ in range(20_000):
                        await loop.sock_sendall(plain, sent * 50)

            with at_most(5):
                flooding = asyncio.ensure_future(flood())
                await until(lambda: state.reserved == 0)
                flooding.cancel()

    within(tmp_path, talk, Limits(idle_s=idle_s, max_messages_s=1e6), buffer=4096)


def test_answers_that_nobody_reads_give_their_place_back(tmp_path: Path) -> None:
    """As ASGI has it, with a send that never comes back."""
    recognizer = recognizer_of(tmp_path)
    body = b'--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n'
    body += b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + wav(said("bad")) + b"\r\n--b--\r\n"

    async def run() -> None:
        app = create_app(Models({"tones": lambda: recognizer}), Limits(idle_s=0.3))
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            assert app.state.jobs == 1
            await asyncio.sleep(60)

        headers = [(b"host", b"x"), (b"content-type", b"multipart/form-data; boundary=b")]
        scope = {"type": "http", "method": "POST", "path": URL, "headers": headers, "query_string": b"", "root_path": "", "scheme": "http"}
        await asyncio.wait_for(app(scope, receive, send), 20)
        assert app.state.jobs == 0
        app.state.scheduler.stop()

    asyncio.run(run())


def test_a_client_that_hangs_up_gives_its_job_back(tmp_path: Path) -> None:
    data = wav(np.tile(said("bad cab", 1.0), 200))

    async def talk(port: int, state: State) -> None:
        asking = asyncio.ensure_future(upload(port, data))
        await until(lambda: state.jobs == 1)
        await asyncio.sleep(0.3)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: state.jobs == 0)
        heard = state.metrics.registry.get_sample_value("tympan_audio_seconds_total", {"door": "transcriptions"})
        assert heard is None or heard < len(data) / 2 / RATE

    within(tmp_path, talk, Limits())


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_connections_that_are_opened_and_dropped_leave_nothing(tmp_path: Path, count: int) -> None:
    """In all the places where one can drop them."""

    async def dropped(port: int, index: int) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if index % 5:
                writer.write(UPGRADE)
            if index % 5 > 1:
                await reader.readuntil(b"\r\n\r\n")
            if index % 5 > 2:
                writer.write(b"\x82\xfe\x10\x00abcd" + b"x" * 100)  # says 4096 bytes
            if index % 5 > 3:
                await writer.drain()
            writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the server was full

    async def talk(port: int, state: State) -> None:
        for first in range(0, count, 100):
            await asyncio.gather(*(dropped(port, first + index) for index in range(100)))
        await until(lambda: state.reserved == 0)
        async with websockets.connect(f"ws://127.0.0.1:{port}/v1/listen") as healthy:
            await healthy.send(pcm(said("bad")))
            await healthy.send(json.dumps({"type": "finish"}))
            found = [json.loads(message) async for message in healthy]
        assert [each["text"] for each in found if each["type"] == "final"] == ["bad"]

    within(tmp_path, talk, Limits(max_streams=64))
