"""What strangers and broken networks do to a server on real sockets: nothing may stay taken, and memory must not follow what they say."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import io
import json
import socket
import struct
import threading
import tracemalloc
import weakref
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
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
from tympan.recognizer import Recognizer
from tympan.serve import Limits, Models, create_app, transcriptions
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


def test_a_body_that_is_compressed_is_not_inflated(tmp_path: Path) -> None:
    begin = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    data = gzip.compress(begin + bytes(100 * MIB) + b"\r\n--b--\r\n")
    headers = {"content-encoding": "gzip", "content-type": "multipart/form-data; boundary=b"}

    async def talk(port: int, state: State) -> None:
        with at_most(8):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=100) as client:
                answer = await client.post(URL, content=data, headers=headers)
        assert answer.status_code == 400, answer.text

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
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    return bytes([kind]) + length + b"\0\0\0\0" + data


async def opened(port: int, extra: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A socket by hand: its two ends, and how its handshake was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(UPGRADE[:-2] + extra + b"\r\n")
    return reader, writer, await reader.readuntil(b"\r\n\r\n")


def deflated(data: bytes) -> bytes:
    """As the extension permessage-deflate sends a message."""
    packer = zlib.compressobj(9, wbits=-12)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


GARBAGE = {
    "an opcode that there is not": (frame(0x83, b"abc"), 1002),
    "a bit that is reserved": (frame(0xC2, b"abc"), 1002),
    "a frame without a mask": (b"\x82\x03abc", 1002),
    "a ping in two frames": (frame(0x09, b"abc"), 1002),
    "a ping of 200 bytes": (frame(0x89, b"x" * 200), 1002),
    "the rest of nothing": (frame(0x80, b"abc"), 1002),
    "another message in the middle of one": (frame(0x02, b"abc") + frame(0x82, b"abc"), 1002),
    "a length above all": (b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0", 1009),
    "a gigabyte": (b"\x82\xff" + struct.pack(">Q", 1 << 30) + b"\0\0\0\0" + b"x" * 1000, 1009),
    # The last piece is a small one, so that nothing is left unread, for which the system would drop the answer.
    "a megabyte in pieces": (frame(0x02, b"x" * 8_576) + frame(0x00, b"x" * 65_000) * 16 + frame(0x00, b"xx"), 1009),
    "a message in a million pieces": (frame(0x02, b"") + frame(0x00, b"") * 2000, 1009),
    "text that is none": (frame(0x81, b"\xff\xfe{}"), 1007),
    "a message that would inflate": (frame(0xC2, deflated(bytes(40 * MIB))), 1002),
}


@pytest.mark.parametrize(("sent", "code"), GARBAGE.values(), ids=GARBAGE)
def test_frames_that_cannot_be_end_a_socket_with_their_code_and_no_other(
    tmp_path: Path, sent: bytes, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async def talk(port: int, state: State) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/v1/listen") as healthy:
            await healthy.send(pcm(said("bad")))
            with at_most(8):
                reader, writer, answer = await opened(port, b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n")
                assert answer.startswith(b"HTTP/1.1 101") and b"deflate" not in answer  # nothing is inflated
                writer.write(sent)
                rest = await asyncio.wait_for(reader.read(), 60)
                writer.close()
                assert bytes([0x88]) + rest[1:2] + struct.pack(">H", code) in rest, rest
                await until(lambda: state.reserved == 1)
            await healthy.send(json.dumps({"type": "finish"}))
            assert [each["text"] async for each in read_json(healthy) if each["type"] == "final"] == ["bad"]
        assert "Traceback" not in capfd.readouterr().err  # which would let strangers fill the operator's log

    within(tmp_path, talk, Limits())


def test_the_stream_over_the_limit_is_refused_in_one_round_trip_and_the_others_are_unharmed(tmp_path: Path) -> None:
    async def talk(port: int, state: State) -> None:
        async def speaks(text: str) -> list[str]:
            data = pcm(said(text))
            async with websockets.connect(f"ws://127.0.0.1:{port}/v1/listen") as healthy:
                for at in range(0, len(data), 3200):
                    await healthy.send(data[at : at + 3200])
                    await asyncio.sleep(0.02)
                await until(lambda: state.metrics.registry.get_sample_value("tympan_refused_total", {"reason": "streams"}) == 10)
                await healthy.send(json.dumps({"type": "finish"}))
                return [each["text"] async for each in read_json(healthy) if each["type"] == "final"]

        speaking = asyncio.gather(speaks("bad cab fed"), speaks("fed a egg"))
        await until(lambda: state.reserved == 2)
        for path in (b"/v1/listen", b"/vosk"):
            for _ in range(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(UPGRADE.replace(b"/v1/listen", path))  # and nothing more is sent or waited for
                answer = await asyncio.wait_for(reader.read(), 60)
                assert answer.startswith(b"HTTP/1.1 503") and b"retry-after: 5" in answer.lower() and b"All 2 streams" in answer
                writer.close()
        assert await speaking == [["bad cab fed"], ["fed a egg"]]

    within(tmp_path, talk, Limits(max_streams=2))


@pytest.mark.parametrize("path", ["/v1/listen", "/vosk"])
def test_others_open_streams_while_a_search_for_hot_words_is_made(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    making, go, make = threading.Event(), threading.Event(), Recognizer.with_hot_words

    def slowly(recognizer: Recognizer, hot_words: Mapping[str, float]) -> Recognizer:
        making.set()
        assert go.wait(60)
        return make(recognizer, hot_words)

    monkeypatch.setattr(Recognizer, "with_hot_words", slowly)

    async def talk(port: int, state: State) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}{path}") as first:
            if path == "/vosk":
                await first.send(json.dumps({"config": {"phrase_list": ["fed"]}}))
            else:
                await first.send(json.dumps({"type": "start", "hotwords": ["fed"]}))
            await first.send(pcm(said("bad")))
            await until(making.is_set)
            async with websockets.connect(f"ws://127.0.0.1:{port}/v1/listen") as second:
                await second.send(pcm(said("cab")))
                await second.send(json.dumps({"type": "finish"}))
                assert [each["text"] async for each in read_json(second) if each["type"] == "final"] == ["cab"]
            assert not go.is_set()
            go.set()
            assert json.loads(await first.recv())

    try:
        within(tmp_path, talk, Limits())
    finally:
        go.set()


async def read_json(socket: Any) -> AsyncIterator[dict[str, Any]]:
    """Messages to the last."""
    async for message in socket:
        yield json.loads(message)


@pytest.mark.parametrize("said_before", [b"", frame(0x81, b'{"type": "start"}'), frame(0x82, pcm(said("bad")))], ids=["", "start", "audio"])
def test_connections_of_which_one_half_is_closed_lose_their_place(tmp_path: Path, said_before: bytes) -> None:
    """The client says at the level of TCP that it sends no more, and waits."""

    async def talk(port: int, state: State) -> None:
        reader, writer, answer = await opened(port)
        assert answer.startswith(b"HTTP/1.1 101")
        writer.write(said_before)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 10)
        await until(lambda: state.reserved == 0, 5)
        writer.close()

    within(tmp_path, talk, Limits())


def test_opus_that_inflates_takes_no_more_memory_than_the_audio_that_is_heard_at_a_time(tmp_path: Path) -> None:
    """Minutes in a few kilobytes, sent at once: they are unpacked as they are heard."""
    pytest.importorskip("av", reason="the extra media is not installed")
    data = silence_of(120, "OGG", "OPUS")
    assert len(data) < 100_000  # and 23 MB as samples at 48 kHz

    async def talk(port: int, state: State) -> None:
        with at_most(10):
            async with websockets.connect(f"ws://127.0.0.1:{port}/v1/listen") as socket:
                await socket.send(json.dumps({"type": "start", "encoding": "opus"}))
                for at in range(0, len(data), 10_000):
                    await socket.send(data[at : at + 10_000])
                await socket.send(json.dumps({"type": "finish"}))
                found = [json.loads(message) async for message in socket]
        assert found[-1]["type"] == "bye" and found[-1]["seconds"] == pytest.approx(120, abs=0.5)

    within(tmp_path, talk, Limits())


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
        app.state.stop()

    asyncio.run(run())


def test_connections_that_are_gone_are_not_kept_for_the_time_that_silent_ones_have(tmp_path: Path) -> None:
    async def talk(port: int, state: State) -> None:
        for _ in range(20):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=100) as client:
                assert (await client.get("/healthz")).status_code == 200
            _reader, writer, _ = await opened(port)
            writer.transport.abort()
        await until(lambda: state.reserved == 0)
        await asyncio.sleep(0.1)
        gc.collect()
        assert sum(type(each).__name__ == "Impatient" for each in gc.get_objects()) < 5

    within(tmp_path, talk, Limits())


LAST_WORDS = {
    "finish": frame(0x81, b'{"type": "finish"}'),
    "close": frame(0x88, struct.pack(">H", 1000)),
    "garbage": frame(0x81, b"{"),
    "nothing": b"",
}


@pytest.mark.parametrize("last", LAST_WORDS.values(), ids=LAST_WORDS)
def test_a_stream_is_freed_with_its_socket(tmp_path: Path, last: bytes) -> None:
    """At once, not when the garbage is collected: what a search holds is large."""

    async def talk(port: int, state: State) -> None:
        _reader, writer, _ = await opened(port)
        writer.write(frame(0x82, pcm(said("bad"))))
        await until(lambda: any(line.session.stream.seconds > 0 for line in state.lines))
        (stream,) = [weakref.ref(line.session.stream) for line in state.lines]
        writer.write(last)
        if not last:
            writer.transport.abort()
        await until(lambda: stream() is None)
        writer.close()

    gc.collect()
    gc.disable()
    try:
        within(tmp_path, talk, Limits())
    finally:
        gc.enable()


def test_as_many_uploads_are_at_work_as_may_be_and_as_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, working, most, hold = wav(said("bad cab")), [0], [0], threading.Event()

    def slowly(recognizer: Recognizer, samples: np.ndarray) -> Any:
        working[0] += 1
        most[0] = max(most[0], working[0])
        hold.wait(30)
        working[0] -= 1
        return heard(recognizer, samples)

    heard = Recognizer.emit
    monkeypatch.setattr(Recognizer, "emit", slowly)

    async def talk(port: int, state: State) -> None:
        asking = asyncio.gather(*(upload(port, data) for _ in range(4)))
        await until(lambda: state.jobs == 4 and working[0] == 2)
        assert (await upload(port, data)).status_code == 503
        hold.set()
        assert [answer.json()["text"] for answer in await asking] == ["bad cab"] * 4 and most == [2]

    within(tmp_path, talk, Limits(max_jobs=2))


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


def test_a_client_that_leaves_while_its_file_is_read_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go, read = threading.Event(), threading.Event(), Recognizer.emit
    closed: list[bool] = []

    def slowly(recognizer: Recognizer, samples: np.ndarray) -> Any:
        if not reading.is_set():
            reading.set()
            assert go.wait(60)
            closed.append(files[0].closed)
        return read(recognizer, samples)

    def noted(recognizer: Recognizer, file: Any, *rest: Any) -> Any:
        files.append(file)
        return decoded(recognizer, file, *rest)

    files: list[Any] = []
    decoded = transcriptions.decoded
    monkeypatch.setattr(Recognizer, "emit", slowly)
    monkeypatch.setattr(transcriptions, "decoded", noted)

    async def talk(port: int, state: State) -> None:
        asking = asyncio.ensure_future(upload(port, wav(np.tile(said("bad cab", 1.0), 40)), stream="true"))
        await until(reading.is_set)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: state.jobs == 0)
        go.set()
        await until(lambda: files[0].closed)
        assert closed == [False]  # while it was read

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
