"""`WS /v1/listen`: our own protocol. Audio goes in as binary messages, events come back as JSON; docs/serving.md describes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import anyio
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from tympan.audio.unpacking import Packet, StreamUnpacker
from tympan.decoding.options import HOT_WORD_WEIGHT
from tympan.errors import TympanError
from tympan.serve.guard import SUBPROTOCOL, respond
from tympan.serve.scheduler import Event
from tympan.serve.socket import ENCODINGS, Line, Pace, Pcm, SlowReaderError
from tympan.serve.state import State
from tympan.streaming import Final, StreamOptions
from tympan.transcript import Word

OPUS = "opus"  # in WebM or Ogg
TAKEN = 50  # packets of it at a time: a second, and a few at most
FULL, POLICY, TOO_BIG, GOING = 1013, 1008, 1009, 1012  # codes of a socket's close


class Start(BaseModel):
    """A client's first message."""

    model_config = ConfigDict(extra="forbid")
    type: str = "start"
    sample_rate: int = Field(16_000, ge=1_000, le=192_000)
    encoding: str = "s16le"
    model: str | None = Field(None, max_length=200)
    partials: bool = True
    words: bool = True
    endpoint_ms: int | None = Field(None, ge=100, le=60_000)
    max_piece_s: float | None = Field(None, ge=2, le=60)
    stable_ms: int | None = Field(None, ge=0, le=60_000)
    chunk_ms: int | None = Field(None, ge=10, le=5_000)
    second_pass: bool = False
    hotwords: list[str] | dict[str, float] = Field(default_factory=list)

    def options(self) -> StreamOptions:
        """Of the stream."""
        given = {
            "endpoint_s": None if self.endpoint_ms is None else self.endpoint_ms / 1000,
            "longest_s": self.max_piece_s,
            "stable_s": None if self.stable_ms is None else self.stable_ms / 1000,
            "chunk_s": None if self.chunk_ms is None else self.chunk_ms / 1000,
        }
        times = {name: value for name, value in given.items() if value is not None}
        return StreamOptions(**times, partials=self.partials, second_pass=self.second_pass)

    def hot_words(self, most: int) -> dict[str, float]:
        """With their weights."""
        words = self.hotwords if isinstance(self.hotwords, dict) else dict.fromkeys(self.hotwords, HOT_WORD_WEIGHT)
        if len(words) > most or any(len(word) > 200 for word in words):
            raise TympanError(f"A stream may have {most} hot words of 200 signs.")
        return words


@dataclass
class RefusalError(Exception):
    """What ends a socket: a sentence, and the code of the close."""

    message: str
    code: int = POLICY


async def listen(socket: WebSocket) -> None:
    """One client."""
    state: State = socket.app.state.server
    if (full := state.reserve("listen")) is not None:
        await respond(socket.scope, socket.receive, socket.send, 503, full, {"Retry-After": "5"})
        return
    try:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        await converse(socket, state)
    except (WebSocketDisconnect, ConnectionError):
        pass
    except RefusalError as refusal:
        await refuse(socket, refusal)
    finally:
        state.release()


async def refuse(socket: WebSocket, refusal: RefusalError) -> None:
    """Say why, and close."""
    with contextlib.suppress(Exception):  # it may be gone
        await socket.send_json({"type": "error", "message": refusal.message})
        await socket.close(refusal.code, refusal.message[:100])


async def converse(socket: WebSocket, state: State) -> None:
    """Start, audio, end."""
    start, first = await begin(socket, state)
    if start.encoding not in (*ENCODINGS, OPUS):
        raise RefusalError(f"The encoding {start.encoding[:40]!r} is not known here; there are: {', '.join((*ENCODINGS, OPUS))}.")
    try:
        decoder = StreamUnpacker() if start.encoding == OPUS else Pcm(start.encoding, start.sample_rate)
        hot_words = start.hot_words(state.limits.max_hot_words)
        await state.recognizer(start.model, hot_words)  # so that the line finds it ready
        line = Line(state, start.model, start.options(), hot_words, start.partials)
    except TympanError as error:
        raise RefusalError(str(error)) from None
    try:
        name = start.model or state.models.default
        await socket.send_json({"type": "ready", "model": name, **facts(state, name)})
        await both(hear(socket, state, line, decoder, first), tell(socket, line, start))
    finally:
        decoder.close()
        line.close()


async def both(hearing: Coroutine[Any, Any, None], telling: Coroutine[Any, Any, None]) -> None:
    """Until all was told; hearing may end before. What goes wrong in one ends the other."""
    tasks = [asyncio.ensure_future(hearing), asyncio.ensure_future(telling)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done() and not tasks[1].done():
            tasks[0].result()
            await tasks[1]
        else:
            tasks[1].result()
    finally:
        for task in tasks:
            task.cancel()
        # Not gather: cancelled itself, it would raise a task's cancellation in place of its own, which anyio then does not know again.
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # looked at
        tasks.clear()  # else an error, its traceback and these would hold each other, and a stream, until the garbage is collected


async def begin(socket: WebSocket, state: State) -> tuple[Start, bytes]:
    """The first message: a start, or already audio, as a start with nothing said takes it."""
    message = await next_message(socket, state.limits.idle_s)
    if message.get("bytes") is not None:
        return Start(), message["bytes"]
    fields = parsed(message["text"])
    if fields.get("type") != "start":
        raise RefusalError('The first message must be a start: {"type": "start", "sample_rate": 16000, "encoding": "s16le"}')
    try:
        return Start.model_validate(fields), b""
    except ValidationError as error:
        raise RefusalError(f"The start is not understood: {explained(error)}.") from None


def explained(error: ValidationError) -> str:
    """What is wrong with which field."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])[:500]


async def next_message(socket: WebSocket, idle_s: float) -> dict[str, Any]:
    """A message with text or bytes."""
    try:
        with anyio.fail_after(idle_s):
            message = await socket.receive()
    except TimeoutError:
        raise RefusalError(f"Nothing came for {idle_s:g} s; send a keepalive while nobody speaks.", GOING) from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    return dict(message)


def parsed(text: str) -> dict[str, Any]:
    """A text message's object."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusalError("A text message must be a JSON object.") from None
    if not isinstance(fields, dict):
        raise RefusalError("A text message must be a JSON object.")
    return fields


async def hear(socket: WebSocket, state: State, line: Line, decoder: Pcm | StreamUnpacker, first: bytes) -> None:
    """Messages until the client finishes."""
    pace = Pace(state.limits.max_messages_s)
    data: bytes | None = first
    while True:
        if data is not None and len(data) > state.limits.max_message_bytes:
            raise RefusalError(f"A message may hold {state.limits.max_message_bytes:,} bytes.", TOO_BIG)
        if data:
            await pass_on(line, decoder, data)
        if not pace.allows():
            raise RefusalError(f"A socket may send {state.limits.max_messages_s:g} messages a second.")
        message = await next_message(socket, state.limits.idle_s)
        data = message.get("bytes")
        if data is None:
            kind = parsed(message["text"]).get("type")
            if kind == "finish":
                await pass_on(line, decoder, None)
            if act(line, kind):
                return
            try:
                await line.room()
            except SlowReaderError as error:
                raise RefusalError(error.message, FULL) from None


async def pass_on(line: Line, decoder: Pcm | StreamUnpacker, data: bytes | None) -> None:
    """Bytes as samples to the stream; None for the end of the bytes."""
    try:
        found = iter(decoder.finish() if data is None else decoder.feed(data))
        waits = isinstance(decoder, StreamUnpacker)  # for its thread
        more = True
        while more:
            some = await asyncio.to_thread(taken, found) if waits else taken(found)
            more = len(some) == TAKEN
            for sample_rate, samples in some:
                await line.audio(samples, sample_rate)
    except SlowReaderError as error:
        raise RefusalError(error.message, FULL) from None
    except TympanError as error:
        raise RefusalError(str(error)) from None


def taken(found: Iterator[Packet]) -> list[Packet]:
    """The next of them: how many samples there are at a time is bounded here, whatever the bytes become."""
    return list(islice(found, TAKEN))


def act(line: Line, kind: Any) -> bool:
    """A command of the client; whether it is the last."""
    if kind == "flush":
        line.session.flush()
    elif kind == "finish":
        line.session.finish()
        return True
    elif kind != "keepalive":
        raise RefusalError(f"There is no message {str(kind)[:40]!r}; there are: flush, finish, keepalive.")
    return False


async def tell(socket: WebSocket, line: Line, start: Start) -> None:
    """Events until the last, and goodbye."""
    finals = 0
    async for event in line.next_events():
        if event.kind == "failed":
            raise RefusalError(str(event.value))
        if event.kind == "finished":
            await socket.send_json({"type": "bye", "seconds": round(event.value, 3), "finals": finals})
            await socket.close(1000)
        elif (message := as_message(event, start.words)) is not None:
            if isinstance(event.value, Final):
                finals += 1
                line.state.metrics.finals.labels(event.value.reason).inc()
            await socket.send_json(message)
    line.state.metrics.audio.labels("listen").inc(line.heard_s)


def as_message(event: Event, words: bool) -> dict[str, Any] | None:
    """An event as it is sent."""
    if event.kind == "speech_started":
        return {"type": "speech_started", "start": round(event.value, 3)}
    if event.kind == "partial":
        value = event.value
        times = {"start": round(value.start, 3), "end": round(value.end, 3)}
        return {"type": "partial", "text": value.text, "stable": value.stable, **times}
    if event.kind == "final":
        final, segment = event.value, event.value.segment
        message: dict[str, Any] = {"type": "final", "segment": final.number, "text": segment.text, "reason": final.reason}
        message |= {"start": round(segment.start, 3), "end": round(segment.end, 3), "confidence": confidence(segment.words)}
        return {**message, "words": [word_fields(word) for word in segment.words]} if words else message
    return {"type": "flushed"} if event.kind == "flushed" else None


def word_fields(word: Word) -> dict[str, Any]:
    """A word as it is sent."""
    sure = None if word.confidence is None else round(word.confidence, 4)
    return {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3), "confidence": sure}


def confidence(words: tuple[Word, ...]) -> float | None:
    """The mean of the words'."""
    known = [word.confidence for word in words if word.confidence is not None]
    return round(sum(known) / len(known), 4) if known else None


def facts(state: State, name: str) -> dict[str, Any]:
    """What a client may want to know before it speaks."""
    recognizer = state.models.find(name).recognizer
    limits = state.limits
    return {
        "protocol": SUBPROTOCOL,
        "language": recognizer.bundle.language,
        "streams": recognizer.streams,
        "limits": {"seconds": limits.max_stream_s, "idle_s": limits.idle_s, "message_bytes": limits.max_message_bytes},
    }
