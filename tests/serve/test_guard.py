"""Who may come in."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from serving import TOKEN, pcm, served, until
from streams import said
from tympan.errors import TympanError
from tympan.serve import Limits
from tympan.serve.guard import LOOPBACK, SUBPROTOCOL, Guard, read_tokens


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("guarded")
    tokens = folder / "tokens.txt"
    tokens.write_text(f"# of the house\n{TOKEN}\n\nanother-token-of-ours\n")
    limits = Limits(max_upload_bytes=10_000)
    with served(folder, limits=limits, tokens=read_tokens(tokens), hosts=LOOPBACK, origins=("https://friend.example",)) as client:
        yield client


HERE = {"host": "localhost"}  # else a socket of the test client calls the server "testserver"


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **HERE}


def test_probes_need_no_token_and_all_else_does(client: TestClient) -> None:
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    for path in ("/v1/models", "/metrics", "/v1/audio/transcriptions"):
        answer = client.get(path)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert "token is missing" in answer.json()["error"]["message"]
    assert client.get("/v1/models", headers=bearer()).status_code == 200
    assert client.get("/v1/models", headers=bearer("another-token-of-ours")).status_code == 200
    for wrong in ("", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()):
        assert client.get("/v1/models", headers=bearer(wrong)).status_code == 401


def test_a_token_is_compared_with_all_in_constant_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return original(one, other)

    original = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token, status in {TOKEN: 200, "another-token-of-ours": 200, "x" * 40: 401}.items():
        compared.clear()
        assert client.get("/v1/models", headers=bearer(token)).status_code == status
        assert len({other for _, other in compared}) == 2  # found or not
        assert all(len(one) == len(other) == 32 for one, other in compared)  # hashes: not even their length tells anything


def test_sockets_take_a_token_as_header_or_among_the_subprotocols(client: TestClient) -> None:
    with client.websocket_connect("/v1/listen", headers=bearer()) as socket:
        socket.send_bytes(pcm(said("bad")))
        socket.send_json({"type": "finish"})
        assert until(socket, "bye")[-1]["finals"] == 1
    with client.websocket_connect("/v1/listen", subprotocols=[SUBPROTOCOL, f"bearer.{TOKEN}"], headers=dict(HERE)) as socket:
        assert socket.accepted_subprotocol == SUBPROTOCOL
    for headers in (dict(HERE), bearer("wrong")):
        with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect("/v1/listen", headers=headers):
            pass
        assert refusal.value.status_code == 401


def test_pages_of_others_open_no_sockets(client: TestClient) -> None:
    for origin, allowed in {"https://evil.example": False, "http://localhost": True, "https://friend.example": True, "null": False}.items():
        headers = {**bearer(), "origin": origin}
        if allowed:
            with client.websocket_connect("/v1/listen", headers=headers):
                continue
        with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect("/v1/listen", headers=headers):
            pass
        assert refusal.value.status_code == 403


def test_the_server_answers_to_its_own_names_only(client: TestClient) -> None:
    for host, status in {
        "localhost:8000": 200,
        "127.0.0.1": 200,
        "[::1]:8000": 200,
        "evil.example": 421,
        "localhost.evil.example:80": 421,
    }.items():
        assert client.get("/healthz", headers={"host": host}).status_code == status, host


def test_no_page_of_another_origin_may_read_answers(client: TestClient) -> None:
    answer = client.get("/v1/models", headers={**bearer(), "origin": "https://evil.example"})
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_bodies_that_are_too_large_are_refused_whatever_they_say(client: TestClient) -> None:
    form = {"file": ("a.wav", b"x" * 20_000)}
    assert client.post("/v1/audio/transcriptions", files=form, headers=bearer()).status_code == 413

    def dripping() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 1000

    headers = {**bearer(), "content-type": "multipart/form-data; boundary=b"}
    assert client.post("/v1/audio/transcriptions", content=dripping(), headers=headers).status_code == 413
    assert client.get("/healthz", headers={"content-length": "no number"}).status_code == 400


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "holds no token"), ("# a note\n", "holds no token"), ("short\n", "fewer than 16 signs"), (None, "cannot be read")],
)
def test_files_of_tokens_that_protect_nothing_are_refused(text: str | None, sentence: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "tokens").write_text(text)
    with pytest.raises(TympanError, match=sentence):
        read_tokens(tmp_path / "tokens")


def test_who_is_ended_at_the_moment_in_which_he_was_told_ends() -> None:
    """The fuzzer's find: a stream that was refused just as a partial went out waited for ever, and kept its place."""

    async def talk() -> None:
        telling: list[asyncio.Task[None]] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def tell() -> None:
                await send({"type": "websocket.send", "text": "{}"})
                await asyncio.Event().wait()

            telling.append(asyncio.ensure_future(tell()))
            await asyncio.wait(telling, timeout=5)

        async def send(message: Any) -> None:
            asyncio.get_running_loop().call_soon(telling[0].cancel)

        async def receive() -> Any:
            raise AssertionError

        guard = Guard(app, SimpleNamespace(limits=Limits()), tokens=(), hosts=(), origins=())  # type: ignore[arg-type]
        await guard({"type": "websocket", "path": "/v1/listen", "headers": []}, receive, send)
        assert telling[0].cancelled()

    asyncio.run(talk())


def test_no_door_waits_with_what_forgets_a_cancellation() -> None:
    for path in (Path(__file__).resolve().parents[2] / "src" / "tympan" / "serve").rglob("*.py"):
        assert not re.search(r"asyncio\.(wait_for|timeout)\(", path.read_text(encoding="utf-8")), path
