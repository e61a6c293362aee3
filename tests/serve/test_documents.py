"""The documents of the doors are true: of each route and status, and of each message of the socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, get_args

import httpx
import jsonschema
import openapi_spec_validator
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

import tympan
from serving import TOKEN, pcm, served, wav
from streams import said
from tympan.serve import Limits
from tympan.serve.app import ROUTES
from tympan.serve.documents import document
from tympan.serve.guard import LOOPBACK, read_tokens
from tympan.serve.listen import OPUS, Start
from tympan.serve.socket import ENCODINGS
from tympan.serve.transcriptions import FORMATS
from tympan.streaming import Reason

OPENAPI, ASYNCAPI = document("openapi"), document("asyncapi")
URL = "/v1/audio/transcriptions"
HERE = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
FEW = Limits(max_upload_bytes=200_000, max_streams=2, max_audio_s=5.0, idle_s=2.0)


def checker(whole: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Of one schema, whose references lead into the whole document."""
    return jsonschema.Draft202012Validator({**schema, "components": whole["components"]})


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "tokens").write_text(TOKEN)
    with served(folder, limits=FEW, tokens=read_tokens(folder / "tokens"), hosts=LOOPBACK) as client:
        yield client


def test_the_documents_are_what_their_standards_want() -> None:
    openapi_spec_validator.validate(OPENAPI)
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    for whole in (OPENAPI, ASYNCAPI):
        assert whole["info"]["version"] == tympan.__version__
        for schema in whole["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for reference in references(whole):
            assert at(whole, reference), reference


def references(value: Any) -> Iterator[str]:
    """All of `$ref` in it."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from references(each)
    if isinstance(value, dict) and "$ref" in value:
        yield value["$ref"]


def at(whole: dict[str, Any], reference: str) -> Any:
    """Where it leads."""
    found: Any = whole
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/")]
    return found


def test_each_route_is_in_the_documents_and_nothing_else_is() -> None:
    routes = {(route.path, method) for route in ROUTES if isinstance(route, Route) for method in (route.methods or set()) - {"HEAD"}}
    assert routes == {(path, method.upper()) for path, item in OPENAPI["paths"].items() for method in item}
    sockets = {route.path for route in ROUTES if isinstance(route, WebSocketRoute)} - {"/vosk"}  # which is vosk-server's to describe
    assert sockets == {channel["address"] for channel in ASYNCAPI["channels"].values()}


def test_choices_are_those_of_the_code() -> None:
    form = OPENAPI["components"]["schemas"]["Transcribe"]["properties"]
    assert form["response_format"]["enum"] == [*FORMATS, ""]
    schemas = ASYNCAPI["components"]["schemas"]
    assert set(schemas["Final"]["properties"]["reason"]["enum"]) == set(get_args(Reason))
    assert schemas["Start"]["properties"]["encoding"]["enum"] == [*ENCODINGS, OPUS]


def test_documents_are_served_to_those_who_may_come_in(client: TestClient) -> None:
    for path, found in (("/openapi.json", OPENAPI), ("/asyncapi.json", ASYNCAPI)):
        assert client.get(path, headers=HERE).json() == found
        assert client.get(path).status_code == 401


def answers(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str, httpx.Response]]:
    """Something of every status that the document names, by path and method."""
    state = client.app.state  # type: ignore[attr-defined]
    for path in (path for path, item in OPENAPI["paths"].items() if "get" in item):
        address = path.replace("{name}", "page.css")
        found = client.get(address, headers=HERE)
        yield path, "get", found
        yield path, "get", client.get(address, headers={**HERE, "content-length": "many"})
        yield path, "get", client.get(address, headers={**HERE, "content-length": "1000000000"})
        yield path, "get", client.get(address, headers={**HERE, "host": "evil.example"})
        yield path, "get", client.get(address, headers={"host": "localhost"})
        if "etag" in found.headers:
            yield path, "get", client.get(address, headers={**HERE, "if-none-match": found.headers["etag"]})
    for name in ("page.js", "icon.svg", "index.html", "none.js"):
        yield "/page/{name}", "get", client.get(f"/page/{name}", headers=HERE)
    state.reserved = FEW.max_streams
    yield "/readyz", "get", client.get("/readyz")
    state.reserved = 0

    def asked(headers: dict[str, str] = HERE, file: bytes = wav(said(0.2, "bad cab")), **fields: Any) -> tuple[str, str, httpx.Response]:
        return URL, "post", client.post(URL, files={"file": ("a.wav", file)}, data=fields, headers=headers)

    for shape in FORMATS:
        yield asked(response_format=shape)
    yield asked(response_format="verbose_json", **{"timestamp_granularities[]": ["word", "segment"]})
    yield asked(response_format="verbose_json", nbest="3")
    yield asked(response_format="text", nbest="3")
    yield asked(stream="true")
    yield asked(stream="true", file=b"no audio")
    yield asked(stream="perhaps")
    yield asked(file=b"no audio")
    yield asked(model="nobody")
    yield asked(headers={"host": "localhost"})
    yield asked(headers={**HERE, "host": "evil.example"})
    yield asked(file=b"x" * 300_000)
    yield asked(file=wav(said(6.0)))
    yield URL, "post", client.post(URL, json={}, headers=HERE)
    state.jobs = 2 * FEW.max_jobs
    yield asked()
    state.jobs = 0
    with monkeypatch.context() as patched:
        patched.setattr("tympan.serve.transcriptions.answered", None)
        yield asked()
    with monkeypatch.context() as patched:
        patched.setattr(state, "limits", replace(FEW, idle_s=0.1))
        yield URL, "post", asyncio.run(stalled(client.app))


async def stalled(app: Any) -> httpx.Response:
    """The answer to a body that stops in the middle."""

    async def body() -> AsyncIterator[bytes]:
        yield b"--b"
        await asyncio.sleep(60)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.post(URL, content=body(), headers={**HERE, "content-type": "multipart/form-data; boundary=b"})


def test_every_answer_is_as_described_and_every_described_status_is_given(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for path, method, answer in answers(client, monkeypatch):
        described = OPENAPI["paths"][path][method]["responses"]
        assert str(answer.status_code) in described, (path, answer.status_code, answer.text)
        seen.setdefault((path, method), set()).add(str(answer.status_code))
        said_of_it = described[str(answer.status_code)]
        said_of_it = at(OPENAPI, said_of_it["$ref"]) if "$ref" in said_of_it else said_of_it
        if answer.status_code == 304:
            assert not answer.content
            continue
        kind = answer.headers["content-type"].partition(";")[0]
        schema = checker(OPENAPI, said_of_it["content"][kind]["schema"])
        if kind == "text/event-stream":
            events = [json.loads(each.removeprefix("data: ")) for each in answer.text.split("\n\n") if each]
            assert events
            for event in events:
                checker(OPENAPI, {"$ref": "#/components/schemas/Event"}).validate(event)
        else:
            schema.validate(answer.json() if kind == "application/json" else answer.text)
        for name, header in said_of_it.get("headers", {}).items():
            checker(OPENAPI, header["schema"]).validate(answer.headers[name])
    missing = {
        key: set(OPENAPI["paths"][key[0]][key[1]]["responses"])
        - statuses
        - ({"401"} if OPENAPI["paths"][key[0]][key[1]].get("security") == [] else set())
        for key, statuses in seen.items()
    }
    assert len(seen) == len(OPENAPI["paths"]) and not any(missing.values()), missing


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
def test_methods_that_are_not_described_are_answered_405_with_those_that_are(client: TestClient, method: str) -> None:
    for path, item in OPENAPI["paths"].items():
        if method.lower() not in item:
            answer = client.request(method, path.replace("{name}", "page.css"), headers=HERE)
            assert answer.status_code == 405 and answer.json()["error"]["message"]
            assert {each.strip().lower() for each in answer.headers["allow"].split(",")} - {"head"} == set(item)


def message_checkers(operation: str) -> dict[str, jsonschema.Draft202012Validator]:
    """By type of message; binary ones have none."""
    names = [each["$ref"].rpartition("/")[2] for each in ASYNCAPI["operations"][operation]["messages"]]
    return {name: checker(ASYNCAPI, ASYNCAPI["components"]["messages"][name]["payload"]) for name in names}


def test_all_messages_of_conversations_are_as_described_and_all_described_are_seen(client: TestClient) -> None:
    hears, tells = message_checkers("hear"), message_checkers("tell")
    talks: list[list[dict[str, Any] | bytes]] = [
        [pcm(said("bad", 1.0, "cab")), {"type": "finish"}],
        [
            {"type": "start", "sample_rate": 16_000, "encoding": "s16le", "model": "tones", "partials": True, "words": False,
             "endpoint_ms": 300, "max_piece_s": 2.5, "stable_ms": 100, "chunk_ms": 200, "second_pass": False, "hotwords": {"gag": 9.0}},
            {"type": "keepalive"}, pcm(said("bad cab", 0.5, "fed" * 12)), {"type": "flush"}, pcm(said("egg")), {"type": "finish"},
        ],
        [{"type": "start", "hotwords": ["gag"], "model": None, "endpoint_ms": None}, {"type": "finish"}],
        [{"type": "start", "hotwords": ["żółć"]}],
    ]  # fmt: skip
    seen: set[str] = set()
    for talk in talks:
        with client.websocket_connect("/v1/listen", headers=HERE) as socket:
            for message in talk:
                if isinstance(message, bytes):
                    seen.add("audio")
                    socket.send_bytes(message)
                else:
                    seen.add(message["type"])
                    hears[message["type"]].validate(message)
                    socket.send_json(message)
            found: dict[str, Any] = {}
            while found.get("type") not in ("bye", "error"):
                found = json.loads(socket.receive_text())
                seen.add(found["type"])
                tells[found["type"]].validate(found)
    assert seen == {*hears, *tells}


def test_a_start_has_the_fields_and_defaults_of_the_document() -> None:
    described = ASYNCAPI["components"]["schemas"]["Start"]["properties"]
    assert set(described) == set(Start.model_fields)
    plain = Start().model_dump()
    assert {name: each["default"] for name, each in described.items() if "default" in each} == {
        name: value for name, value in plain.items() if name not in ("type", "hotwords")
    }
    bounds = {"ge": "minimum", "le": "maximum", "max_length": "maxLength"}
    for name, field in Start.model_fields.items():
        code = {bounds[bound]: getattr(rule, bound) for rule in field.metadata for bound in bounds if hasattr(rule, bound)}
        assert code == {key: value for key, value in described[name].items() if key in bounds.values()}, name


NUMBERS = st.none() | st.integers(-10, 200_000) | st.floats(-1, 70, allow_nan=False).filter(lambda value: not value.is_integer())
MILLISECONDS = ("endpoint_ms", "stable_ms", "chunk_ms")
NO_WORDS = [None, "gag", [1], {"a": "b"}]
VALUES = {
    "sample_rate": NUMBERS | st.sampled_from([999, 1000, 192_000, 192_001, "fast"]),
    "encoding": st.sampled_from([*ENCODINGS, OPUS]),
    "model": st.none() | st.text(max_size=3) | st.sampled_from(["x" * 200, "x" * 201]) | st.integers(),
    "partials": st.booleans() | st.none() | st.just("often"),
    "words": st.booleans() | st.just([]),
    **{name: NUMBERS | st.sampled_from([99, 100, 60_000, 60_001, 5000, 5001, 9, "soon"]) for name in MILLISECONDS},
    "max_piece_s": NUMBERS | st.sampled_from([2, 60, 1.99, 60.01]),
    "hotwords": st.lists(st.text(max_size=3)) | st.dictionaries(st.text(max_size=3), st.floats(-9, 9)) | st.sampled_from(NO_WORDS),
    "unknown": st.integers(),
}  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.fixed_dictionaries({"type": st.just("start")}, optional=VALUES))
def test_the_document_and_the_server_take_the_same_starts(start: dict[str, Any]) -> None:
    described = message_checkers("hear")["start"].is_valid(start)
    try:
        Start.model_validate(start)
        taken = True
    except ValidationError:
        taken = False
    assert taken == described, start
