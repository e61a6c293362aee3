"""What operators need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serving import pcm, served, until
from streams import recognizer_of, said
from tympan.errors import BundleError, TympanError
from tympan.recognizer import Recognizer
from tympan.serve import Limits, Models
from tympan.serve.models import HOT_LISTS
from tympan.streaming import StreamOptions


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("server")) as client:
        yield client


def test_models_are_listed(client: TestClient) -> None:
    (row,) = client.get("/v1/models").json()["data"]
    assert (row["id"], row["object"], row["streams"], row["language"]) == ("tones", "model", "chunks", "en")


def test_figures_are_counted(client: TestClient) -> None:
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_bytes(pcm(said("bad", 1.0, "cab")))
        until(socket, "final")
        assert "tympan_streams 1.0" in client.get("/metrics").text
        socket.send_json({"type": "finish"})
        until(socket, "bye")
    figures = client.get("/metrics").text
    for line in (
        'tympan_finals_total{reason="endpoint"} 1.0',
        'tympan_finals_total{reason="finish"} 1.0',
        "tympan_finalisation_seconds_count 1.0",
    ):
        assert line in figures
    assert "tympan_busy_seconds_total" in figures and "tympan_queue_seconds" in figures


def test_errors_have_one_shape_and_tell_no_path(client: TestClient) -> None:
    assert client.get("/nowhere").json()["error"]["message"] == "Not Found"
    assert client.post("/v1/models").status_code == 405
    assert client.get("/../../etc/passwd").status_code == 404


def test_failures_of_ours_are_told_to_the_operator_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("tympan.streaming.hearing.Chunks.encode", broken)
    with client.websocket_connect("/v1/listen") as socket:
        socket.send_bytes(pcm(said("bad cab fed")))
        message = until(socket, "error")[-1]["message"]
    assert "/secret" not in message and "failed on this stream" in message
    assert "/secret/path" in caplog.text


def test_models_are_exchanged_while_streams_go_on(tmp_path: Path) -> None:
    made = [recognizer_of(tmp_path), recognizer_of(tmp_path, hot_words={"gag": 9.0})]
    turn = iter(made)
    models = Models({"m": lambda: next(turn)})
    stream = models.find(None).stream(StreamOptions(), {})
    assert models.reload() == [] and models.find("m").recognizer is made[1]
    stream.accept(said("bad"), 16_000)
    assert stream.recognizer is made[0] and [final.segment.text for final in (stream.flush(), stream.finals())[1]] == ["bad"]


def test_a_model_that_cannot_be_opened_again_stays(tmp_path: Path) -> None:
    made = [recognizer_of(tmp_path)]

    def opener() -> Recognizer:
        if not made:
            raise BundleError("There is no bundle x.tympan.")
        return made.pop()

    models = Models({"m": opener})
    before = models.find("m")
    assert models.reload() == ["The model m was not reloaded: There is no bundle x.tympan."]
    assert models.find("m") is before


def test_searches_of_hot_words_are_kept_in_bounds(tmp_path: Path) -> None:
    loaded = Models({"m": lambda: recognizer_of(tmp_path)}).find("m")
    first = loaded.recognizer_with({"gag": 1.0})
    assert loaded.recognizer_with({"gag": 1.0}) is first and first.engine.session is loaded.recognizer.engine.session
    for weight in range(HOT_LISTS):
        loaded.recognizer_with({"gag": 2.0 + weight})
    assert len(loaded.hot) == HOT_LISTS and loaded.recognizer_with({"gag": 1.0}) is not first


def test_streams_whose_chunks_come_to_the_same_length_share_batches(tmp_path: Path) -> None:
    recognizer = recognizer_of(tmp_path)
    loaded = Models({"tones": lambda: recognizer}).find(None)
    streams = [loaded.stream(StreamOptions(chunk_s=chunk_s), {}) for chunk_s in (0.01, 0.08, 0.081, 0.32, 0.3, 5.0)]
    assert [stream.kind is streams[0].kind for stream in streams] == [True, True, True, False, False, False]  # type: ignore[union-attr]
    assert streams[3].kind is streams[4].kind is streams[5].kind  # type: ignore[union-attr]


def test_no_model_and_impossible_limits_are_refused() -> None:
    with pytest.raises(TympanError, match="needs a model"):
        Models({})
    with pytest.raises(TympanError, match="max_streams is 0"):
        Limits(max_streams=0)
