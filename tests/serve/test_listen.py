"""Our own socket: what goes in, what comes back, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from serving import pcm, served, until
from streams import RATE, heard, packets, recognizer_of, said
from tympan.serve import Limits

TALK = ("bad cab", 1.0, "fed a egg", 0.9, "bag bad")
FEW = Limits(max_streams=2, idle_s=5.0, max_message_bytes=64_000, max_stream_s=20.0, max_hot_words=2)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("server"), limits=FEW) as client:
        yield client


def conversation(client: TestClient, start: dict[str, Any] | None, messages: list[bytes]) -> list[dict[str, Any]]:
    """All that a server says to a start, packets and a finish."""
    with client.websocket_connect("/v1/listen") as socket:
        if start is not None:
            socket.send_json({"type": "start", **start})
        for message in messages:
            socket.send_bytes(message)
        socket.send_json({"type": "finish"})
        return until(socket, "bye")


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages if message["type"] == "final"]


def test_words_come_back_as_a_stream_of_the_recogniser_gives_them(client: TestClient, tmp_path: Path) -> None:
    samples = said(0.3, *TALK)
    messages = conversation(client, {"sample_rate": RATE}, [pcm(packet) for packet in packets(samples, [1600])])
    finals, _ = heard(recognizer_of(tmp_path), pcm_round(samples))
    assert messages[0]["type"] == "ready" and messages[0]["model"] == "tones" and messages[0]["streams"] == "chunks"
    found = [message for message in messages if message["type"] == "final"]
    assert [(each["text"], each["reason"]) for each in found] == [(final.segment.text, final.reason) for final in finals]
    for each, final in zip(found, finals, strict=True):
        assert each["start"] == pytest.approx(final.segment.start, abs=1e-3) and each["end"] == pytest.approx(final.segment.end, abs=1e-3)
        assert [word["word"] for word in each["words"]] == [word.text for word in final.segment.words]
        assert 0 <= each["confidence"] <= 1
    assert messages[-1] == {"type": "bye", "seconds": pytest.approx(len(samples) / RATE, abs=1e-3), "finals": 3}
    assert sum(message["type"] == "speech_started" for message in messages) == 3


def pcm_round(samples: np.ndarray) -> np.ndarray:
    """As they arrive."""
    return np.frombuffer(pcm(samples), "<i2")


def test_partials_come_only_when_they_change_and_end_with_the_final(client: TestClient) -> None:
    messages = conversation(client, {}, [pcm(packet) for packet in packets(said(0.3, *TALK), [800])])
    seen: list[tuple[str, int]] = []
    for message in messages:
        if message["type"] == "partial":
            assert (message["text"], message["stable"]) not in seen[-1:]
            assert 0 <= message["stable"] <= len(message["text"].split())
            seen.append((message["text"], message["stable"]))
        elif message["type"] == "final":
            seen = []
    assert any(message["type"] == "partial" for message in messages)
    silent = conversation(client, {"partials": False, "words": False}, [pcm(said(*TALK))[:60_000]])
    assert not any(message["type"] == "partial" or "words" in message for message in silent)


def test_audio_without_a_start_is_16_khz_of_int16(client: TestClient) -> None:
    assert texts(conversation(client, None, [pcm(packet) for packet in packets(said("bad cab"), [1600])])) == ["bad cab"]


def test_samples_may_be_cut_in_halves(client: TestClient) -> None:
    data = pcm(said(0.2, "bad cab"))
    assert texts(conversation(client, {}, [data[at : at + 333] for at in range(0, len(data), 333)])) == ["bad cab"]


def test_other_rates_and_floats_are_taken(client: TestClient) -> None:
    import soxr

    samples = soxr.resample(said(0.2, "bad cab fed"), RATE, 48_000).astype("<f4").tobytes()
    messages = [samples[at : at + 9600] for at in range(0, len(samples), 9600)]
    assert texts(conversation(client, {"sample_rate": 48_000, "encoding": "f32le"}, messages)) == ["bad cab fed"]


def test_a_second_pass_makes_the_final_and_nothing_before_is_stable(client: TestClient) -> None:
    samples = [pcm(packet) for packet in packets(said("bad cab fed", 0.4), [1600])]
    messages = conversation(client, {"second_pass": True}, samples)
    partials = [message for message in messages if message["type"] == "partial"]
    assert texts(messages) == ["bad cab fed"] and partials and all(message["stable"] == 0 for message in partials)
    once = conversation(client, {"stable_ms": 100}, samples)
    assert any(message["type"] == "partial" and message["stable"] for message in once)


def test_flush_gives_a_final_and_the_socket_stays_open(client: TestClient) -> None:
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_json({"type": "start"})
        socket.send_bytes(pcm(said("bad")))
        socket.send_json({"type": "keepalive"})
        socket.send_json({"type": "flush"})
        assert texts(until(socket, "flushed")) == ["bad"]
        socket.send_bytes(pcm(said("cab")))
        socket.send_json({"type": "finish"})
        assert texts(until(socket, "bye")) == ["cab"]


def test_endpoints_and_hot_words_are_the_clients_choice(client: TestClient) -> None:
    samples = [pcm(packet) for packet in packets(said("bad", 0.5, "cab"), [1600])]
    assert texts(conversation(client, {"endpoint_ms": 5000}, samples)) == ["bad cab"]
    assert texts(conversation(client, {"endpoint_ms": 300}, samples)) == ["bad", "cab"]
    tone = [pcm(said("gag"))]
    assert texts(conversation(client, {}, tone)) != ["gag"]
    assert (
        texts(conversation(client, {"hotwords": ["gag"]}, tone)) == ["gag"] == texts(conversation(client, {"hotwords": {"gag": 9.0}}, tone))
    )


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ({"type": "begin"}, "must be a start"),
        ({"type": "start", "sample_rate": 5}, "sample_rate"),
        ({"type": "start", "sample_rat": 8000}, "sample_rat"),
        ({"type": "start", "encoding": "mp3"}, "'mp3' is not known"),
        ({"type": "start", "model": "../../etc/passwd"}, "There is no model"),
        ({"type": "start", "hotwords": ["a", "b", "c"]}, "2 hot words"),
        ({"type": "start", "hotwords": ["żółć"]}, "cannot be spelled"),
        ({"type": "start", "endpoint_ms": -1}, "endpoint_ms"),
        ([1, 2], "must be a JSON object"),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_a_sentence(client: TestClient, first: Any, sentence: str) -> None:
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_text(json.dumps(first))
        assert sentence in until(socket, "error")[-1]["message"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("no json", "must be a JSON object"),
        ("[" * 30_000, "must be a JSON object"),
        ('{"type": "dance"}', "no message 'dance'"),
        (b"\0" * 64_001, "may hold 64,000 bytes"),
    ],
)
def test_garbage_ends_a_socket_in_a_sentence_and_no_other(client: TestClient, message: str | bytes, sentence: str) -> None:
    with client.websocket_connect("/v1/listen") as other, client.websocket_connect("/v1/listen") as socket:
        other.send_bytes(pcm(said("bad")))
        socket.send_json({"type": "start"})
        socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message)
        assert sentence in until(socket, "error")[-1]["message"]
        other.send_json({"type": "finish"})
        assert texts(until(other, "bye")) == ["bad"]


def test_samples_that_are_no_numbers_end_the_stream(client: TestClient) -> None:
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_json({"type": "start", "encoding": "f32le"})
        socket.send_bytes(np.array([0.0, np.nan], "<f4").tobytes())
        assert "NaN or infinite" in until(socket, "error")[-1]["message"]


def test_longest_stream_is_told(client: TestClient) -> None:
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_json({"type": "start", "sample_rate": 1000})
        socket.send_bytes(b"\0\0" * 21_000)
        assert "may last 20 s" in until(socket, "error")[-1]["message"]


def test_the_stream_over_the_limit_is_refused_and_the_others_are_unharmed(client: TestClient) -> None:
    with client.websocket_connect("/v1/listen") as one, client.websocket_connect("/v1/listen"):
        assert client.get("/readyz").status_code == 503
        with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect("/v1/listen"):
            pass
        assert refusal.value.status_code == 503 and "All 2 streams" in refusal.value.text and refusal.value.headers["retry-after"] == "5"
        one.send_bytes(pcm(said("bad")))
        one.send_json({"type": "finish"})
        assert texts(until(one, "bye")) == ["bad"]
    assert client.get("/readyz").status_code == 200


def test_who_says_nothing_is_told_to_go(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(idle_s=0.2)) as client, client.websocket_connect("/v1/listen") as socket:
        socket.send_json({"type": "start"})
        assert "Nothing came for 0.2 s" in until(socket, "error")[-1]["message"]


def test_too_many_messages_are_refused(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(max_messages_s=2)) as client, client.websocket_connect("/v1/listen") as socket:
        for _ in range(30):
            socket.send_json({"type": "keepalive"} if _ else {"type": "start"})
        assert "2 messages a second" in until(socket, "error")[-1]["message"]


def test_clients_that_vanish_leave_nothing_behind(client: TestClient) -> None:
    state = client.app.state  # type: ignore[attr-defined]
    for _ in range(20):
        with client.websocket_connect("/v1/listen") as socket:
            socket.send_bytes(pcm(said("bad cab")))
    for _ in range(100):
        if not state.lines and not state.reserved:
            break
        client.get("/healthz")
    assert not state.lines and state.reserved == 0
    assert not any(thread.sessions or thread.ready for thread in state.scheduler.threads)


def test_stopping_server_lets_streams_say_their_last_words(tmp_path: Path) -> None:
    with served(tmp_path) as client, client.websocket_connect("/v1/listen") as socket:
        socket.send_json({"type": "start"})
        socket.send_bytes(pcm(said("bad cab")))
        until(socket, "partial")
        client.portal.call(client.app.state.drain)  # type: ignore[union-attr, attr-defined]
        assert texts(until(socket, "bye")) == ["bad cab"]
        assert client.get("/readyz").status_code == 503
        with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/v1/listen"):
            pass


@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_what_a_browser_records_is_heard(client: TestClient, container: str) -> None:
    av = pytest.importorskip("av", reason="the extra media is not installed")
    import soxr

    samples = soxr.resample(said(0.3, "bad cab", 0.2, "fed"), RATE, 48_000)
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream("libopus", rate=48_000, layout="mono", options={"b": "96000"})
        for at in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, at : at + 960]), format="flt", layout="mono")
            frame.sample_rate, frame.pts = 48_000, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    data = out.getvalue()
    messages = [data[at : at + 700] for at in range(0, len(data), 700)]
    assert texts(conversation(client, {"encoding": "opus"}, messages)) == ["bad cab fed"]


def test_opus_that_is_none_is_told(client: TestClient) -> None:
    pytest.importorskip("av", reason="the extra media is not installed")
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_json({"type": "start", "encoding": "opus"})
        socket.send_bytes(b"not a container")
        assert "neither WebM nor Ogg" in until(socket, "error")[-1]["message"]
