"""vosk-server's protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving import pcm, served
from streams import packets, said
from tympan.serve import Limits


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("server"), limits=Limits(max_hot_words=2)) as client:
        yield client


def answers(client: TestClient, config: dict[str, Any] | None, data: list[bytes]) -> list[dict[str, Any]]:
    """One to each packet, and the last."""
    found = []
    with client.websocket_connect("/vosk") as socket:
        if config is not None:
            socket.send_json({"config": config})
        for packet in data:
            socket.send_bytes(packet)
            found.append(json.loads(socket.receive_text()))
        socket.send_text('{"eof" : 1}')
        found.append(json.loads(socket.receive_text()))
    return found


def test_every_packet_is_answered_and_eof_gives_the_last_text(client: TestClient) -> None:
    found = answers(
        client, {"sample_rate": 16000.0, "words": True}, [pcm(packet) for packet in packets(said("bad cab", 1.0, "fed"), [4000])]
    )
    assert all(("partial" in each) != ("text" in each) for each in found)
    texts = [each for each in found if "text" in each]
    assert " ".join(each["text"] for each in texts) == "bad cab fed"
    words = [word for each in texts for word in each["result"]]
    assert [word["word"] for word in words] == ["bad", "cab", "fed"]
    assert all(set(word) == {"word", "start", "end", "conf"} and word["start"] < word["end"] for word in words)


def test_without_words_and_with_phrases(client: TestClient) -> None:
    found = answers(client, {"words": 0, "phrase_list": ["gag", "[unk]"]}, [pcm(said("gag"))])
    assert found[-1] == {"text": "gag"}


def test_reset_gives_the_text_and_goes_on(client: TestClient) -> None:
    with client.websocket_connect("/vosk") as socket:
        for word in ("bad", "cab"):
            socket.send_bytes(pcm(said(word)))
            socket.receive_text()
            socket.send_json({"reset": 1})
            assert json.loads(socket.receive_text())["text"] == word
        socket.send_text('{"eof" : 1}')
        assert json.loads(socket.receive_text()) == {"text": ""}


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ('{"config": {"sample_rate": "fast"}}', "sample_rate"),
        ('{"config": {"phrase_list": ["a", "b", "c"]}}', "phrase_list"),
        (json.dumps({"config": {"phrase_list": ["a" * 201]}}), "200 signs"),
        ('{"config": 5}', "must be an object"),
        ("garbage", "JSON object"),
    ],
)
def test_what_is_not_understood_is_told(client: TestClient, message: str, sentence: str) -> None:
    with client.websocket_connect("/vosk") as socket:
        socket.send_text(message)
        assert sentence in json.loads(socket.receive_text())["error"]


def test_a_client_names_no_model(client: TestClient) -> None:
    assert answers(client, {"model": "/etc/passwd"}, [pcm(said("bad"))])[-1]["text"] == "bad"
