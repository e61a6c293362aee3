"""`POST /v1/audio/transcriptions` and `GET /v1/models`, as OpenAI's clients ask them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tympan.decoding.options import HOT_WORD_WEIGHT
from tympan.errors import TympanError
from tympan.recognizer import Piece, Recognizer
from tympan.serve.guard import BodyError, error_body
from tympan.serve.listen import word_fields
from tympan.serve.state import State
from tympan.transcript import Transcript, to_format

FORMATS = ("json", "verbose_json", "text", "srt", "vtt")
FIELDS = 40  # of a form; also parts
MOST_ALTERNATIVES = 10


class RequestError(Exception):
    """A request that cannot be answered: a sentence, and a status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


async def models(request: Request) -> Response:
    """`GET /v1/models`."""
    state: State = request.app.state.server
    rows = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "tympan",
            "language": loaded.recognizer.bundle.language,
            "streams": loaded.recognizer.streams,
        }
        for name, loaded in state.models.loaded.items()
    ]
    return JSONResponse({"object": "list", "data": rows})


async def transcriptions(request: Request) -> Response:
    """`POST /v1/audio/transcriptions`."""
    state: State = request.app.state.server
    begun = time.monotonic()
    if state.stopping or state.jobs >= 2 * state.limits.max_jobs:
        state.metrics.refused.labels("jobs").inc()
        why = "The server is stopping." if state.stopping else "The server has enough to transcribe; try again."
        return JSONResponse(error_body(why, "server_error"), 503, {"Retry-After": "5"})
    state.jobs += 1

    def done() -> None:
        state.jobs -= 1
        state.metrics.request.labels("transcriptions").observe(time.monotonic() - begun)

    answer: Response | None = None
    try:
        answer = await answered(request, state, done)
        return answer
    except RequestError as error:
        return JSONResponse(error_body(error.message), error.status)
    except BodyError as error:
        return JSONResponse(error_body(error.message), error.status)
    except TympanError as error:
        return JSONResponse(error_body(str(error)), 400)
    finally:
        if not isinstance(answer, Events):  # which are done when all of them were sent
            done()


class Events(StreamingResponse):
    """Server-sent events, for which a file is held open.

    Args:
        events: as bytes.
        close: what closes the file, called on a thread at the end, whether the client waits for it or not.
        state: of the server.
        done: called then.
    """

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], None], state: State, done: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self.close = close
        self.state = state
        self.done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.done()
            with contextlib.suppress(RuntimeError):  # the server is gone
                self.state.uploads.submit(self.close)


class Steps:
    """An upload's work, piece by piece. Its file is closed between two of them: a client may go while one is read on a thread."""

    def __init__(self, work: Iterator[Piece], file: BinaryIO) -> None:
        self.work = work
        self.file = file
        self.lock = threading.Lock()

    def next(self) -> Piece | None:
        """None after the last."""
        with self.lock:
            return None if self.file.closed else next(self.work, None)

    def close(self) -> None:
        """No more is wanted."""
        with self.lock:
            self.file.close()


async def answered(request: Request, state: State, done: Callable[[], None]) -> Response:
    """The form, the work, the answer."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RequestError("The body must be multipart/form-data with a file.", 415)
    try:
        form = await request.form(max_files=1, max_fields=FIELDS, max_part_size=1 << 16)
    except BodyError:
        raise
    except Exception as error:  # of the parser: starlette's and python-multipart's
        raise RequestError(f"The form cannot be read ({str(error)[:200] or type(error).__name__}).") from None
    answer: Response | None = None
    try:
        shape, wanted, stream = asked(form), granularities(form), streaming(form)
        nbest = alternatives_wanted(form, "stream" if stream else shape, wanted)
        recognizer, work = await begun(form, state, nbest or 1)
        if stream:
            answer = Events(streamed(state, recognizer, work), work.close, state, done)
            return answer
        pieces: list[Piece] = []
        while (piece := await state.at_work(work.next)) is not None:
            pieces.append(piece)
            if await request.is_disconnected():
                raise RequestError("The client is gone.")
        transcript = await state.at_work(recognizer.transcript, pieces)
        others = await state.at_work(alternatives, recognizer, pieces) if nbest else []
        return written(transcript, shape, wanted, others)
    finally:
        if answer is None:
            await form.close()


async def begun(form: FormData, state: State, nbest: int = 1) -> tuple[Recognizer, Steps]:
    """The model that is asked for, and its work on the file."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise RequestError("There is no file in the form.")
    name = model_of(state, form)
    hot_words = dict.fromkeys(prompted(field(form, "prompt")), HOT_WORD_WEIGHT)
    if len(hot_words) > state.limits.max_hot_words:
        raise RequestError(f"The prompt may name {state.limits.max_hot_words} hot words.")
    recognizer = await state.recognizer(name, hot_words)
    return recognizer, Steps(decoded(recognizer, upload.file, state, nbest), upload.file)


def field(form: FormData, name: str) -> str:
    """A field's text; empty if there is none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def asked(form: FormData) -> str:
    """The format of the answer."""
    shape = field(form, "response_format") or "json"
    if shape not in FORMATS:
        raise RequestError(f"response_format {shape[:40]!r} is none of {', '.join(FORMATS)}.")
    return shape


def streaming(form: FormData) -> bool:
    """Whether events are wanted."""
    value = field(form, "stream").lower()
    if value not in ("", "true", "false"):
        raise RequestError("stream is true or false.")
    return value == "true"


def granularities(form: FormData) -> set[str]:
    """Which times are wanted."""
    wanted = {str(value) for name in ("timestamp_granularities[]", "timestamp_granularities") for value in form.getlist(name)}
    if wanted - {"word", "segment"}:
        raise RequestError("timestamp_granularities[] are word and segment.")
    return wanted or {"segment"}


def alternatives_wanted(form: FormData, shape: str, wanted: set[str]) -> int:
    """How many texts of each segment are asked for; 0 if nothing was said of it."""
    text = field(form, "nbest")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_ALTERNATIVES):
        raise RequestError(f"nbest must be from 1 to {MOST_ALTERNATIVES}, and is {text[:40]!r}.")
    if shape != "verbose_json" or "segment" not in wanted:
        raise RequestError("nbest needs response_format verbose_json with segments, and no stream.")
    return int(text)


def model_of(state: State, form: FormData) -> str | None:
    """The model that is asked for. OpenAI's own names mean the default, so that programs need no change but the address."""
    name = field(form, "model")
    if not name or name == "whisper-1" or name.startswith("gpt-4o"):
        return None
    try:
        state.models.find(name)
    except TympanError as error:
        raise RequestError(str(error), 404) from None
    return name


def prompted(prompt: str) -> list[str]:
    """Hot words of a prompt: what stands between commas, semicolons or lines; a prompt without them gives its words."""
    parts = [part.strip(" .") for part in prompt.replace(";", ",").replace("\n", ",").split(",")]
    parts = [part for part in parts if part]
    return parts if len(parts) > 1 else prompt.replace(".", " ").replace(",", " ").split()


def decoded(recognizer: Recognizer, file: BinaryIO, state: State, nbest: int) -> Iterator[Piece]:
    """Piece by piece, until the upload is longer than one may be."""
    heard = 0.0
    for piece in recognizer.decoded(file, nbest=nbest):
        if piece.end > state.limits.max_audio_s:
            raise RequestError(f"A recording may last {state.limits.max_audio_s:g} s.", 413)
        state.metrics.audio.labels("transcriptions").inc(piece.end - heard)
        heard = piece.end
        yield piece


async def streamed(state: State, recognizer: Recognizer, work: Steps) -> AsyncIterator[bytes]:
    """Server-sent events: the text piece by piece, then all of it."""
    texts: list[str] = []
    try:
        while (piece := await state.at_work(work.next)) is not None:
            text = recognizer.transcript([piece]).text
            if text:
                delta = f" {text}" if texts else text
                texts.append(text)
                yield event({"type": "transcript.text.delta", "delta": delta})
    except (TympanError, RequestError) as error:
        yield event({"type": "error", **error_body(str(error.message))})
        return
    yield event({"type": "transcript.text.done", "text": " ".join(texts)})


def event(fields: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


def alternatives(recognizer: Recognizer, pieces: list[Piece]) -> list[list[dict[str, Any]]]:
    """The texts that each segment may have, best first, with the scores of the search; each text once."""
    rows = []
    for piece in pieces:
        if not recognizer.transcript([piece]).segments:  # silence makes no segment
            continue
        scores: dict[str, float] = {}
        for hypothesis in piece.hypotheses:
            text = " ".join(word.text for word in recognizer.words(hypothesis, piece.start, piece.end))
            scores.setdefault(text, round(hypothesis.score, 4))
        rows.append([{"text": text, "score": score} for text, score in scores.items()])
    return rows


def written(transcript: Transcript, shape: str, wanted: set[str], others: list[list[dict[str, Any]]]) -> Response:
    """A transcript in the format that was asked for."""
    if shape == "json":
        return JSONResponse({"text": transcript.text})
    if shape == "verbose_json":
        return JSONResponse(verbose(transcript, wanted, others))
    if shape == "text":
        return PlainTextResponse(transcript.text + "\n")
    media = {"srt": "application/x-subrip", "vtt": "text/vtt"}[shape]
    return Response(to_format(transcript, "srt" if shape == "srt" else "vtt"), media_type=f"{media}; charset=utf-8")


def verbose(transcript: Transcript, wanted: set[str], others: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """With times. What OpenAI's answer does not have, its clients pass over: the words' confidences, the segments' alternatives."""
    answer: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language or "",
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
    }
    if "segment" in wanted:
        answer["segments"] = [
            {"id": index, "start": round(each.start, 3), "end": round(each.end, 3), "text": each.text}
            for index, each in enumerate(transcript.segments)
        ]
        for segment, texts in zip(answer["segments"], others, strict=False):
            segment["alternatives"] = texts
    if "word" in wanted:
        answer["words"] = [word_fields(word) for segment in transcript.segments for word in segment.words]
    return answer
