"""`WS /vosk`: the protocol of vosk-server, for the many clients that speak it.

In: binary int16 mono; {"config": {"sample_rate": 16000, "words": true, "phrase_list": [...]}}; {"eof": 1}; {"reset": 1}.
Out: {"partial": "..."} or {"text": "...", "result": [...]} after every packet, and a last text after eof.
"""

from __future__ import annotations

import contextlib
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from tympan.decoding.options import HOT_WORD_WEIGHT
from tympan.errors import TympanError
from tympan.serve.guard import respond
from tympan.serve.listen import FULL, TOO_BIG, RefusalError, next_message, parsed
from tympan.serve.scheduler import Event
from tympan.serve.socket import Line, Pace, Pcm
from tympan.serve.state import State
from tympan.streaming import StreamOptions

DEFAULT_RATE = 16_000


async def vosk(socket: WebSocket) -> None:
    """One client."""
    state: State = socket.app.state.server
    if (full := state.reserve("vosk")) is not None:
        await respond(socket.scope, socket.receive, socket.send, 503, full, {"Retry-After": "5"})
        return
    try:
        await socket.accept()
        await Conversation(socket, state).run()
    except (WebSocketDisconnect, ConnectionError):
        pass
    except RefusalError as refusal:
        with contextlib.suppress(Exception):  # it may be gone
            await socket.send_json({"error": refusal.message})
            await socket.close(refusal.code, refusal.message[:100])
    finally:
        state.release()


class Conversation:
    """A packet, an answer; a packet, an answer."""

    def __init__(self, socket: WebSocket, state: State) -> None:
        self.socket = socket
        self.state = state
        self.rate = DEFAULT_RATE
        self.words = True
        self.hot_words: dict[str, float] = {}
        self.line: Line | None = None
        self.pcm = Pcm("s16le")
        self.partial = ""

    async def run(self) -> None:
        """Until the client says that it is done."""
        pace = Pace(self.state.limits.max_messages_s)
        try:
            while True:
                message = await next_message(self.socket, self.state.limits.idle_s)
                if not pace.allows():
                    raise RefusalError(f"A socket may send {self.state.limits.max_messages_s:g} messages a second.")
                if message.get("bytes") is not None:
                    await self.packet(message["bytes"])
                    continue
                fields = parsed(message["text"])
                if "config" in fields:
                    self.configure(fields["config"])
                elif "eof" in fields:
                    await self.end("finish")
                    await self.socket.close(1000)
                    return
                elif "reset" in fields:
                    await self.end("flush")
        finally:
            if self.line is not None:
                self.line.close()

    def configure(self, config: Any) -> None:
        """Before the first packet. Models are the server's: a client names none, and no path."""
        if not isinstance(config, dict):
            raise RefusalError("config must be an object.")
        rate, phrases = config.get("sample_rate", self.rate), config.get("phrase_list", [])
        if not isinstance(rate, (int, float)) or not 1_000 <= rate <= 192_000:
            raise RefusalError("config.sample_rate must be from 1000 to 192000.")
        most = self.state.limits.max_hot_words
        if not isinstance(phrases, list) or len(phrases) > most or not all(isinstance(each, str) and len(each) <= 200 for each in phrases):
            raise RefusalError(f"config.phrase_list must be a list of at most {most} texts of 200 signs.")
        self.rate, self.words = int(rate), bool(config.get("words", self.words))
        self.hot_words = {phrase: HOT_WORD_WEIGHT for phrase in phrases if phrase.strip() and phrase != "[unk]"}

    async def opened(self) -> Line:
        """The session."""
        if self.line is None:
            try:
                await self.state.recognizer(None, self.hot_words)  # so that the line finds it ready
                self.line = Line(self.state, None, StreamOptions(), self.hot_words, partials=True)
            except TympanError as error:
                raise RefusalError(str(error)) from None
        return self.line

    async def packet(self, data: bytes) -> None:
        """Audio, and what is known of it by now."""
        if len(data) > self.state.limits.max_message_bytes:
            raise RefusalError(f"A message may hold {self.state.limits.max_message_bytes:,} bytes.", TOO_BIG)
        line = await self.opened()
        try:
            await line.audio(self.pcm(data), self.rate)
        except TympanError as error:
            raise RefusalError(str(error), FULL) from None
        await self.answer(self.taken(line))

    async def end(self, reason: str) -> None:
        """The last text of the piece."""
        line = await self.opened()
        (line.session.finish if reason == "finish" else line.session.flush)()
        events: list[Event] = []
        while not any(event.kind in ("finished", "flushed", "failed") for event in events):
            try:
                with anyio.fail_after(self.state.limits.stop_s):
                    await line.arrived.wait()
            except TimeoutError:
                raise RefusalError("The last text takes too long.", FULL) from None
            events += self.taken(line)
        await self.answer(events, final=True)
        self.line = None if reason == "finish" else self.line
        if reason == "finish":
            line.close()

    def taken(self, line: Line) -> list[Event]:
        """The events that wait."""
        events = list(line.events)
        line.events.clear()
        line.arrived.clear()
        return events

    async def answer(self, events: list[Event], *, final: bool = False) -> None:
        """One message: a text if a piece ended, else the partial."""
        finals = [event.value for event in events if event.kind == "final"]
        for event in events:
            if event.kind == "failed":
                raise RefusalError(str(event.value))
            if event.kind == "partial":
                self.partial = event.value.text
            elif event.kind == "final":
                self.partial = ""
        if not finals and not final:
            await self.socket.send_json({"partial": self.partial})
            return
        words = [word for each in finals for word in each.segment.words]
        answer: dict[str, Any] = {"text": " ".join(each.segment.text for each in finals)}
        if self.words and words:
            answer["result"] = [
                {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3), "conf": round(word.confidence or 0.0, 4)}
                for word in words
            ]
        await self.socket.send_json(answer)
