"""Wyoming: Home Assistant's protocol, with the package's own client, and with clients that nobody wants."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

import tympan
from serving import pcm
from streams import RATE, packets, recognizer_of, said
from tympan.errors import TympanError
from tympan.serve import Limits, Models
from tympan.serve.state import State
from tympan.serve.wyoming import LINE_BYTES, SPARE, WyomingDoor, listen_at

START = AudioStart(RATE, 2, 1).event()


@asynccontextmanager
async def opened(folder: Path, limits: Limits | None = None, uri: str = "tcp://127.0.0.1:0") -> AsyncIterator[tuple[str, State]]:
    """A door to tones, in this loop; nothing may be left when its clients are gone."""
    recognizer = recognizer_of(folder)
    state = State.make(Models({"tones": lambda: recognizer, "second": lambda: recognizer}), limits or Limits(), 1)
    place = listen_at(uri, guarded=False)
    door = WyomingDoor(state, place.listening)
    await door.open()
    try:
        yield place.address, state
        for _ in range(400):
            if not door.connections:
                break
            await asyncio.sleep(0.01)
        assert not door.connections and not state.lines and state.reserved == 0
        assert not any(thread.sessions for thread in state.scheduler.threads)
    finally:
        await door.close()
        state.stop()


def within(folder: Path, talk: Callable[[str, State], Awaitable[Any]], limits: Limits | None = None, uri: str = "tcp://127.0.0.1:0") -> Any:
    """What comes of a talk with a server."""

    async def run() -> Any:
        async with opened(folder, limits, uri) as (address, state):
            return await asyncio.wait_for(talk(address, state), 60)

    return asyncio.run(run())


def chunk(samples: np.ndarray, rate: int = RATE, channels: int = 1) -> Event:
    return AudioChunk(rate, 2, channels, pcm(samples)).event()


async def answers(client: AsyncClient, last: str = "transcript-stop") -> list[tuple[str, dict[str, Any]]]:
    """Events to one of that type, or to the connection's end."""
    found: list[tuple[str, dict[str, Any]]] = []
    while (not found or found[-1][0] != last) and (event := await client.read_event()) is not None:
        found.append((event.type, event.data))
    return found


async def spoken(address: str, samples: np.ndarray, asked: Transcribe | None = None, size: int = 1024) -> list[tuple[str, dict[str, Any]]]:
    """What a client is told that does as Home Assistant does."""
    async with AsyncClient.from_uri(address) as client:
        await client.write_event((asked or Transcribe(language="en")).event())
        await client.write_event(START)
        for packet in packets(samples, [size]):
            await client.write_event(chunk(packet))
        await client.write_event(AudioStop().event())
        return await answers(client)


async def told(address: str, *messages: bytes) -> str:
    """The sentence in which a connection ends that sends this."""
    host, port = address.removeprefix("tcp://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for message in messages:
        writer.write(message)
    event = await async_read_event(reader)
    assert event is not None and event.type == "error", event
    assert await reader.read() == b""
    writer.close()
    return str(event.data["text"])


def test_what_there_is_is_described(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> Info:
        async with AsyncClient.from_uri(address) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None and state.reserved == 0
            return Info.from_event(event)

    (program,) = within(tmp_path, talk).asr
    assert program.installed and program.supports_transcript_streaming and program.requires_external_vad
    assert program.version == tympan.__version__ and program.attribution.name == "Tympan"
    assert [(model.name, model.languages, model.installed) for model in program.models] == [
        ("tones", ["en"], True),
        ("second", ["en"], True),
    ]


def test_finals_come_while_one_speaks_and_the_whole_at_the_end(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        async with AsyncClient.from_uri(address) as client:
            await client.write_event(START)
            await client.write_event(chunk(said(0.3, "bad cab", 1.0)))
            first = await answers(client, "transcript-chunk")  # before it is over
            assert first == [("transcript-start", {"language": "en"}), ("transcript-chunk", {"text": "bad cab"})]
            assert state.reserved == len(state.lines) == 1
            await client.write_event(chunk(said("fed")))
            await client.write_event(AudioStop().event())
            assert await answers(client) == [
                ("transcript-chunk", {"text": " fed"}),
                ("transcript", {"text": "bad cab fed", "language": "en"}),
                ("transcript-stop", {}),
            ]
        figures = state.metrics.text().decode()
        assert 'tympan_streams_opened_total{protocol="wyoming"} 1.0' in figures and 'tympan_audio_seconds_total{door="wyoming"}' in figures

    within(tmp_path, talk)


def test_one_connection_may_speak_often_and_be_silent(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        async with AsyncClient.from_uri(address) as client:
            for word in ("bad", "", "cab"):
                await client.write_event(START)
                if word:
                    await client.write_event(chunk(said(word)))
                await client.write_event(AudioStop().event())
                found = await answers(client)
                assert found[0][0] == "transcript-start" and dict(found)["transcript"]["text"] == word
                await client.write_event(Ping("there?").event())
                event = await client.read_event()
                assert event is not None and Pong.from_event(event).text == "there?"
            await client.write_event(AudioStop().event())  # of nothing
            assert dict(await answers(client))["transcript"]["text"] == ""

    within(tmp_path, talk)


@pytest.mark.parametrize(("rate", "channels"), [(RATE, 2), (48_000, 1), (44_100, 2), (8_000, 3)])
def test_other_rates_and_channels_are_mixed_and_resampled(tmp_path: Path, rate: int, channels: int) -> None:
    import soxr

    samples = soxr.resample(said(0.2, "bad cab fed"), RATE, rate)
    several = np.stack([samples] * channels, axis=1) if channels > 1 else samples

    async def talk(address: str, state: State) -> str:
        async with AsyncClient.from_uri(address) as client:
            data = pcm(several)
            for at in range(0, len(data), 3001):  # without an audio-start, and cut in the middle of samples
                await client.write_event(AudioChunk(rate, 2, channels, data[at : at + 3001]).event())
            await client.write_event(AudioStop().event())
            return str(dict(await answers(client))["transcript"]["text"])

    assert within(tmp_path, talk) == "bad cab fed"


def test_many_clients_at_once_hear_what_each_hears_alone(tmp_path: Path) -> None:
    talks = [said(0.2, "bad cab", 1.0, "fed a egg"), said("cab", 0.8, "bag bad fed")]

    async def talk(address: str, state: State) -> list[str]:
        found = await asyncio.gather(*(spoken(address, talks[index % 2]) for index in range(16)))
        return [dict(each)["transcript"]["text"] for each in found]

    assert within(tmp_path, talk) == ["bad cab fed a egg", "cab bag bad fed"] * 8


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (Transcribe(name="nobody"), "There is no model 'nobody'"),
        (Transcribe(name="../../etc/passwd"), "There is no model"),
        (Transcribe(language="fr"), "No model hears the language 'fr' here; there is: tones (en), second (en)."),
        (Transcribe(name="second", language="fr"), "there is: second (en)."),
        (Transcribe(name=5), "name"),  # type: ignore[arg-type]
    ],
)
def test_models_that_are_not_there_are_refused(tmp_path: Path, asked: Transcribe, sentence: str) -> None:
    async def talk(address: str, state: State) -> list[tuple[str, dict[str, Any]]]:
        return await spoken(address, said("bad"), asked)

    found = within(tmp_path, talk)
    assert [kind for kind, _ in found] == ["error"] and sentence in found[0][1]["text"]


def test_models_are_chosen_by_name_and_language(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        for asked in (Transcribe(name="second"), Transcribe(name="tones", language="en-GB"), Transcribe(language="EN_us"), Transcribe()):
            assert dict(await spoken(address, said("bad"), asked))["transcript"]["text"] == "bad"

    within(tmp_path, talk)


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


AUDIO = {"rate": RATE, "width": 2, "channels": 1}


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "An event is a line of JSON"),
        (b"\xff\xfe\x00garbage\n", "An event is a line of JSON"),
        (b"[1]\n", "An event is a line of JSON"),
        (b"[" * 40_000 + b"\n", "An event is a line of JSON"),
        (b"x" * (3 * LINE_BYTES), "first line of an event may hold 65,536 bytes"),
        (b"1" * 60_000 + b"\n", "An event is a line of JSON"),
        (line(type=5), "An event is a line of JSON"),
        (line(type="ping", data=[]), "An event is a line of JSON"),
        (line(type="ping", data="text"), "An event is a line of JSON"),
        (line(type="ping", data_length=3) + b"[1]", "An event is a line of JSON"),
        (line(type="ping", data_length=1 << 40), "data_length must be a whole number from 0 to 100,000"),
        (line(type="ping", data_length=-1), "data_length"),
        (line(type="ping", data_length=True), "data_length"),
        (line(type="ping", data_length="9"), "data_length"),
        (line(type="audio-chunk", data=AUDIO, payload_length=100_001), "payload_length must be a whole number"),
        (line(type="audio-start", data={**AUDIO, "width": 4}), "audio-start is not understood: width"),
        (line(type="audio-start", data={**AUDIO, "rate": 0}), "rate"),
        (line(type="audio-start", data={**AUDIO, "rate": "fast"}), "rate"),
        (line(type="audio-start", data={**AUDIO, "channels": 1 << 30}), "channels"),
        (line(type="audio-chunk"), "audio-chunk is not understood: rate"),
        (line(type="audio-start", data=AUDIO) * 2, "came before the audio-stop"),
        (line(type="audio-start", data=AUDIO) + line(type="audio-chunk", data={**AUDIO, "rate": 8000}), "another format"),
        (
            line(type="audio-start", data={**AUDIO, "rate": 1000})
            + line(type="audio-chunk", data={**AUDIO, "rate": 1000}, payload_length=20_002)
            + b"\0" * 20_002,
            "A stream may last 10 s",
        ),
    ],
)
def test_garbage_ends_a_connection_in_a_sentence_and_no_other(
    tmp_path: Path, message: bytes, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(address: str, state: State) -> None:
        async with AsyncClient.from_uri(address) as other:
            await other.write_event(START)
            await other.write_event(chunk(said("bad")))
            assert sentence in await told(address, message)
            await other.write_event(AudioStop().event())
            assert dict(await answers(other))["transcript"]["text"] == "bad"

    within(tmp_path, talk, Limits(max_message_bytes=100_000, max_stream_s=10.0))
    assert not caplog.records


def test_events_that_are_not_known_are_dropped(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        async with AsyncClient.from_uri(address) as client:
            for kind in ("select-program", "detect", "x" * 5000):
                await async_write_event(Event(kind, {"name": "y"}, b"payload"), client._writer)  # type: ignore[attr-defined]
            await client.write_event(Ping().event())
            event = await client.read_event()
            assert event is not None and Pong.is_type(event.type)

    within(tmp_path, talk)


@pytest.mark.parametrize("cut", [b'{"type": "audio-ch', line(type="ping", data_length=50) + b"{", line(type="a", payload_length=9) + b"12"])
def test_clients_that_vanish_in_the_middle_leave_nothing_behind(tmp_path: Path, cut: bytes) -> None:
    async def talk(address: str, state: State) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        for index in range(30):
            _, writer = await asyncio.open_connection(host, int(port))
            await async_write_event(START, writer)
            await async_write_event(chunk(said("bad cab")), writer)
            writer.write(cut)
            await writer.drain()
            writer.transport.abort() if index % 2 else writer.close()

    within(tmp_path, talk)  # it looks that nothing is left


def test_streams_over_the_limit_are_refused_and_the_others_are_unharmed(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        async with AsyncClient.from_uri(address) as one:
            await one.write_event(START)
            await one.write_event(chunk(said("bad", 1.0)))
            await answers(one, "transcript-chunk")
            ((kind, data),) = await spoken(address, said("cab"))
            assert kind == "error" and "All 1 streams" in data["text"]
            async with AsyncClient.from_uri(address) as asking:  # a question needs no place
                await asking.write_event(Describe().event())
                assert (await answers(asking, "info"))[-1][0] == "info"
            await one.write_event(AudioStop().event())
            assert dict(await answers(one))["transcript"]["text"] == "bad"
        while state.reserved:
            await asyncio.sleep(0.01)
        assert dict(await spoken(address, said("cab")))["transcript"]["text"] == "cab"

    within(tmp_path, talk, Limits(max_streams=1))


def test_connections_over_the_limit_are_refused(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        open_ones = [await asyncio.open_connection(host, int(port)) for _ in range(1 + SPARE)]
        assert "as many connections" in await told(address)
        for _, writer in open_ones:
            writer.close()

    within(tmp_path, talk, Limits(max_streams=1))


@pytest.mark.parametrize(
    "beginning", [b"", b'{"type": "pi', line(type="audio-start", data=AUDIO), line(type="ping", payload_length=5) + b"x"]
)
def test_who_says_nothing_is_told_to_go(tmp_path: Path, beginning: bytes) -> None:
    async def talk(address: str, state: State) -> str:
        return await told(address, beginning)

    assert within(tmp_path, talk, Limits(idle_s=0.2)) == "Nothing came for 0.2 s."


def test_clients_that_do_not_read_are_dropped(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        with socket.socket() as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(plain, (host, int(port)))
            question = line(type="ping", data={"text": "x" * 50_000})

            async def flood() -> None:
                for _ in range(10_000):
                    await asyncio.wait_for(loop.sock_sendall(plain, question), 30)

            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                await flood()

    within(tmp_path, talk, Limits(idle_s=0.5, max_messages_s=1e6))


def test_a_file_that_is_sent_at_once_waits_in_the_client(tmp_path: Path) -> None:
    samples = said(*("bad cab", 0.9) * 6)

    async def talk(address: str, state: State) -> None:
        found = await spoken(address, samples, size=200)
        assert dict(found)["transcript"]["text"] == " ".join(["bad cab"] * 6)

    within(tmp_path, talk, Limits(max_messages_s=95.0, max_backlog_s=0.5))


def test_stopping_server_lets_turns_say_their_last_words(tmp_path: Path) -> None:
    async def talk(address: str, state: State) -> None:
        async with AsyncClient.from_uri(address) as client:
            await client.write_event(START)
            await client.write_event(chunk(said("bad cab")))
            while not state.lines or next(iter(state.lines)).heard_s == 0:
                await asyncio.sleep(0.01)
            stopping = asyncio.ensure_future(state.drain())
            found = await answers(client, "none")
            assert dict(found)["transcript"]["text"] == "bad cab" and found[-1][0] == "transcript-stop"
            await stopping
        ((_, data),) = await spoken(address, said("bad"))
        assert data["text"] == "The server is stopping."

    within(tmp_path, talk)


def test_failures_of_ours_are_told_to_the_operator_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("tympan.serve.wyoming.info", broken)

    async def talk(address: str, state: State) -> str:
        return await told(address, line(type="describe"))

    assert "/secret" not in within(tmp_path, talk) and "/secret/path" in caplog.text


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the system has no Unix sockets")
def test_a_unix_socket_is_replaced_if_nobody_listens_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async def talk(address: str, state: State) -> str:
        with pytest.raises(TympanError, match="in use"):
            listen_at(address, guarded=True)
        return str(dict(await spoken(address, said("bad")))["transcript"]["text"])

    assert within(tmp_path, talk, uri=f"unix://{path}") == "bad"
    assert not path.exists()


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("127.0.0.1:10300", "is no address"),
        ("tcp://127.0.0.1", "is no address"),
        ("tcp://127.0.0.1:99999", "is no address"),
        ("tcp://[::1:5", "is no address"),
        ("stdio://", "is no address"),
        ("unix://", "is no address"),
        ("tcp://0.0.0.0:10300", "Wyoming knows no tokens"),
        ("tcp://[::]:10300", "Wyoming knows no tokens"),
        ("unix:///nowhere/at/all", "cannot listen on unix:///nowhere/at/all"),
    ],
)
def test_addresses_that_cannot_be_or_that_pass_the_tokens_are_refused(uri: str, sentence: str) -> None:
    with pytest.raises(TympanError, match=sentence):
        listen_at(uri, guarded=True)
