"""`--wyoming`: the protocol of Home Assistant's voice assistants, over TCP or a Unix socket; docs/wyoming.md describes it.

    client: describe | ping | transcribe, audio-start, audio-chunk ..., audio-stop
    server: info     | pong | transcript-start, transcript-chunk ..., transcript, transcript-stop;  or an error, and the end

The package's events are used, and its reader is not: it trusts lengths and types of strangers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import anyio
from pydantic import BaseModel, Field, ValidationError
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.ping import Ping, Pong

import tympan
from tympan.errors import TympanError
from tympan.serve.listen import RefusalError, explained
from tympan.serve.socket import Line, Pace, Pcm
from tympan.serve.state import State, report
from tympan.streaming import StreamOptions

LINE_BYTES = 1 << 16  # of an event's first line
SPARE = 64  # connections beyond the streams: those that only ask what there is
LINGER_S = 2.0  # that a client has to read the last words
LOCAL = ("127.0.0.1", "localhost", "::1")


class Format(BaseModel):
    """Of the audio, as audio-start and each audio-chunk tell it."""

    rate: int = Field(ge=1_000, le=192_000)
    width: Literal[2]
    channels: int = Field(ge=1, le=8)


class Asked(BaseModel):
    """What a transcribe event may ask for here; the rest of it does not change what is heard."""

    name: str | None = Field(None, max_length=200)
    language: str | None = Field(None, max_length=40)


@dataclass
class Turn:
    """From an audio-start to the transcript.

    Attributes:
        line: the session.
        format: of its audio.
        pcm: bytes to samples.
        telling: what comes of it to the client.
    """

    line: Line
    format: Format
    pcm: Pcm
    telling: asyncio.Task[None]


class Place(NamedTuple):
    """A socket that listens, its address, and whether none but this machine reaches it."""

    listening: socket.socket
    address: str
    local: bool


def listen_at(uri: str, guarded: bool) -> Place:
    """Listen there.

    Args:
        uri: tcp://HOST:PORT or unix:///PATH.
        guarded: the server asks for tokens.

    Raises:
        TympanError: it is no such address, cannot be listened on, or would let strangers past the tokens.
    """
    try:
        parts = urlsplit(uri)
        host, port, path = parts.hostname, parts.port, parts.path
    except ValueError:
        parts, host, port, path = urlsplit(""), None, None, ""
    if parts.scheme == "unix" and path and not host:
        return Place(listen_at_path(Path(path)), uri, True)
    if parts.scheme != "tcp" or host is None or port is None or path not in ("", "/"):
        raise TympanError(f"--wyoming {uri} is no address.", "Say tcp://127.0.0.1:10300, or unix:///run/tympan.sock.")
    if guarded and host not in LOCAL:
        raise TympanError(
            f"--wyoming {uri} can be reached by others, and Wyoming knows no tokens: nobody would be asked for one there.",
            "Listen on 127.0.0.1, or serve Wyoming from a process of its own without --token, behind a firewall.",
        )
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256)
    except OSError as error:
        raise TympanError(f"The server cannot listen on {uri} ({error.strerror or error}).", "Choose another --wyoming.") from None
    return Place(listening, f"tcp://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}", host in LOCAL)


def listen_at_path(path: Path) -> socket.socket:
    """A Unix socket; one that a server left behind when it was killed is replaced, one in use is not."""
    if not hasattr(socket, "AF_UNIX"):
        raise TympanError("This system has no Unix sockets.", "Say --wyoming tcp://127.0.0.1:10300.")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, contextlib.suppress(ConnectionRefusedError):
                asking.connect(str(path))
                raise OSError(f"{path} is in use")
            path.unlink()
        listening.bind(str(path))
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise TympanError(f"The server cannot listen on unix://{path} ({error.strerror or error}).", "Choose another --wyoming.") from None
    return listening


class WyomingDoor:
    """A door beside HTTP's, in the same loop, with the same models, places and limits.

    Args:
        state: of the server.
        listening: a socket that listens.
    """

    def __init__(self, state: State, listening: socket.socket) -> None:
        self.state = state
        self.listening = listening
        self.connections: dict[Connection, asyncio.Task[None]] = {}
        self.server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections."""
        unix = hasattr(socket, "AF_UNIX") and self.listening.family == socket.AF_UNIX
        start = asyncio.start_unix_server if unix else asyncio.start_server
        self.server = await start(self.come_in, sock=self.listening, limit=LINE_BYTES)

    async def close(self) -> None:
        """End all connections; those that were just told their last words may read them first."""
        path = self.listening.getsockname() if self.server is not None else ""
        if self.server is not None:
            self.server.close()
        for connection, task in self.connections.items():
            if not connection.leaving:
                task.cancel()
        tasks = list(self.connections.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LINGER_S)
        if isinstance(path, str) and path:
            Path(path).unlink(missing_ok=True)

    def come_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        connection = Connection(self.state, reader, writer)
        task = asyncio.ensure_future(self.served(connection))
        self.connections[connection] = task
        task.add_done_callback(lambda _: self.connections.pop(connection))

    async def served(self, connection: Connection) -> None:
        """To its end, which it is told in a sentence if it is not its own."""
        try:
            if len(self.connections) > self.state.limits.max_streams + SPARE:
                self.state.metrics.refused.labels("connections").inc()
                raise RefusalError("The server has as many connections as it takes; try again.")
            await connection.run()
            await connection.leave()
        except RefusalError as refusal:
            await connection.refuse(refusal.message)
        except (OSError, asyncio.CancelledError):
            pass  # it is gone, or the server is
        except Exception as error:
            report(error)
            await connection.refuse("The server failed on this stream; it was told to its operator.")
        finally:
            connection.end_turn()
            connection.writer.transport.abort()


class Connection:
    """One client: any number of turns, one after the other."""

    def __init__(self, state: State, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.state = state
        self.reader = reader
        self.writer = writer
        self.writing = asyncio.Lock()
        self.model: str | None = None
        self.turn: Turn | None = None
        self.leaving = False

    async def run(self) -> None:
        """Until the client goes, or the server stops."""
        most = self.state.limits.max_messages_s
        pace = Pace(most)
        while (event := await self.next_event()) is not None:
            while not pace.allows():  # a file is sent faster than speech: it waits in the client
                await asyncio.sleep(2 / most)
            await self.take(event)

    async def next_event(self) -> Event | None:
        """The client's next; None after its last, or when all was told because the server stops."""
        reading = asyncio.ensure_future(read_event(self.reader, self.state.limits.max_message_bytes))
        telling = {self.turn.telling} if self.turn is not None else set()
        try:
            done, _ = await asyncio.wait({reading, *telling}, timeout=self.state.limits.idle_s, return_when=asyncio.FIRST_COMPLETED)
            if telling & done:
                telling.pop().result()
                return None
            if not done:
                raise RefusalError(f"Nothing came for {self.state.limits.idle_s:g} s.")
            return reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def take(self, event: Event) -> None:
        """Do what it asks; what is not known is dropped, as the protocol wants."""
        if AudioChunk.is_type(event.type):
            await self.hear(format_of(event), event.payload or b"")
        elif AudioStart.is_type(event.type):
            if self.turn is not None:
                raise RefusalError("An audio-start came before the audio-stop of the one before.")
            self.begin_turn(format_of(event))
        elif AudioStop.is_type(event.type):
            await self.finish()
        elif Transcribe.is_type(event.type):
            self.model = self.chosen(understood(Asked, event))
        elif Describe.is_type(event.type):
            await self.say(info(self.state))
        elif Ping.is_type(event.type):
            text = event.data.get("text")
            await self.say(Pong(text if isinstance(text, str) else None))

    def chosen(self, asked: Asked) -> str:
        """The model that is asked for by name or language: one of those that are open, never a path."""
        models = self.state.models
        try:
            models.find(asked.name or None)
        except TympanError as error:
            raise RefusalError(str(error)) from None
        names = [asked.name] if asked.name else list(models.loaded)
        fitting = [name for name in names if not asked.language or spoken(asked.language) == spoken(language_of(self.state, name))]
        if not fitting:
            there = ", ".join(f"{name} ({language_of(self.state, name)})" for name in names)
            raise RefusalError(f"No model hears the language {asked.language!r} here; there is: {there}.")
        return fitting[0]

    def begin_turn(self, form: Format) -> None:
        """Take a place and open a session."""
        if (full := self.state.reserve("wyoming")) is not None:
            raise RefusalError(full)
        try:
            line = Line(self.state, self.model, StreamOptions(partials=False), {}, partials=False)
        except BaseException:
            self.state.release()
            raise
        self.turn = Turn(line, form, Pcm("s16le", channels=form.channels), asyncio.ensure_future(self.tell(line)))

    async def hear(self, form: Format, data: bytes) -> None:
        """A packet; the first may come without an audio-start."""
        if self.turn is None:
            self.begin_turn(form)
        assert self.turn is not None
        if form != self.turn.format:
            raise RefusalError("The audio goes on in another format than it began in.")
        try:
            await self.turn.line.audio(self.turn.pcm(data), form.rate)
        except TympanError as error:
            raise RefusalError(str(error)) from None

    async def finish(self) -> None:
        """The client has said all; nothing at all is an empty transcript."""
        if self.turn is None:
            await self.conclude([], None)
            return
        self.turn.line.session.finish()
        await self.turn.telling
        self.end_turn()

    def end_turn(self) -> None:
        """Give back what it held."""
        if self.turn is not None:
            self.turn.telling.cancel()
            self.turn.line.close()
            self.state.release()
            self.turn = None

    async def tell(self, line: Line) -> None:
        """Finals as they come, then the whole."""
        texts: list[str] = []
        language = language_of(self.state, self.model or self.state.models.default) or None
        async for event in line.next_events():
            if event.kind == "failed":
                raise RefusalError(str(event.value))
            if event.kind == "final":
                self.state.metrics.finals.labels(event.value.reason).inc()
                if text := event.value.segment.text:
                    if not texts:
                        await self.say(TranscriptStart(language=language))
                    await self.say(TranscriptChunk(f" {text}" if texts else text))
                    texts.append(text)
        await self.conclude(texts, language)
        self.state.metrics.audio.labels("wyoming").inc(line.heard_s)

    async def conclude(self, texts: list[str], language: str | None) -> None:
        """The whole transcript, which clients without streams read alone."""
        if not texts:
            await self.say(TranscriptStart(language=language))
        await self.say(Transcript(" ".join(texts), language=language))
        await self.say(TranscriptStop())

    async def say(self, event: Eventable) -> None:
        """To the client, who must read it some time: what waits for one that does not is the system's buffer and one event."""
        async with self.writing:
            try:
                with anyio.fail_after(self.state.limits.idle_s):
                    await async_write_event(event.event(), self.writer)
            except TimeoutError:
                raise ConnectionAbortedError("the client does not read") from None

    async def refuse(self, sentence: str) -> None:
        """Say why, and go."""
        self.end_turn()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self.say(Error(sentence))
            await self.leave()

    async def leave(self) -> None:
        """Go so that the last words arrive: with bytes that nobody read, the system would drop what was sent as well."""
        self.end_turn()
        self.leaving = True

        async def discard() -> None:
            while await self.reader.read(LINE_BYTES):
                pass

        with contextlib.suppress(OSError):
            self.writer.write_eof()
            with anyio.move_on_after(LINGER_S):
                await discard()


async def read_event(reader: asyncio.StreamReader, most: int) -> Event | None:
    """An event whose every length was looked at before it was waited for; None at the end.

    Raises:
        RefusalError: it is none, or larger than one may be.
    """
    try:
        line = await reader.readuntil(b"\n")
        header = json_object(line)
        kind, data = header.get("type"), header.get("data", {})
        if not isinstance(kind, str) or not isinstance(data, dict):
            raise RefusalError('An event is a line of JSON with its type: {"type": "describe"}')
        if length := length_of(header, "data_length", most):
            data |= json_object(await reader.readexactly(length))
        length = length_of(header, "payload_length", most)
        return Event(kind, data, await reader.readexactly(length) if length else None)
    except asyncio.LimitOverrunError:
        raise RefusalError(f"The first line of an event may hold {LINE_BYTES:,} bytes.") from None
    except asyncio.IncompleteReadError as error:
        if not error.partial and error.expected is None:
            return None
        raise RefusalError("The connection ended in the middle of an event.") from None


def json_object(data: bytes) -> dict[str, Any]:
    """Of JSON that a stranger sent."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise RefusalError('An event is a line of JSON with its type: {"type": "describe"}')
    return fields


def length_of(header: dict[str, Any], name: str, most: int) -> int:
    """A length that was told; 0 if none was."""
    length = header.get(name)
    if length is None:
        return 0
    if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= most:
        raise RefusalError(f"{name} must be a whole number from 0 to {most:,}.")
    return length


Fields = TypeVar("Fields", bound=BaseModel)


def understood(kind: type[Fields], event: Event) -> Fields:
    """Its data, checked."""
    try:
        return kind.model_validate(event.data, strict=True)
    except ValidationError as error:
        raise RefusalError(f"The {event.type[:40]} is not understood: {explained(error)}.") from None


def format_of(event: Event) -> Format:
    """Of audio-start and audio-chunk."""
    return understood(Format, event)


def spoken(language: str) -> str:
    """The language of en-GB and en_US is en."""
    return language.replace("_", "-").partition("-")[0].lower()


def language_of(state: State, name: str) -> str:
    """That a model hears."""
    return state.models.find(name).recognizer.bundle.language


def info(state: State) -> Info:
    """What there is. An external VAD is needed: a transcript comes when the client says that the speaker is done."""
    made = Attribution("Tympan", "")
    models = [
        AsrModel(name, made, True, loaded.recognizer.bundle.name, None, [loaded.recognizer.bundle.language])
        for name, loaded in state.models.loaded.items()
    ]
    return Info(
        asr=[
            AsrProgram(
                "tympan",
                made,
                True,
                "Speech recognition on this machine",
                tympan.__version__,
                models,
                supports_transcript_streaming=True,
                requires_external_vad=True,
            )
        ]
    )
