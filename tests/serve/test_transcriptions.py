"""Uploads, as OpenAI's clients send them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from serving import served
from streams import RATE, TABLE, said, silence
from toy_models import speak
from tympan.serve import Limits
from tympan.serve.transcriptions import prompted

URL = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("server"), limits=Limits(max_audio_s=30.0, max_hot_words=3)) as client:
        yield client


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def asked(client: TestClient, samples: np.ndarray | bytes, **fields: Any) -> Any:
    data = samples if isinstance(samples, bytes) else wav(samples)
    return client.post(URL, files={"file": ("talk.wav", data, "audio/wav")}, data=fields)


def test_five_formats(client: TestClient) -> None:
    samples = said(0.3, "bad cab", 0.4, "fed")
    assert asked(client, samples, model="whisper-1").json() == {"text": "bad cab fed"}
    assert asked(client, samples, response_format="text").text == "bad cab fed\n"
    assert "00:00:00" in asked(client, samples, response_format="srt").text
    vtt = asked(client, samples, response_format="vtt")
    assert vtt.text.startswith("WEBVTT") and vtt.headers["content-type"].startswith("text/vtt")
    verbose = asked(client, samples, response_format="verbose_json").json()
    assert verbose["text"] == "bad cab fed" and verbose["task"] == "transcribe" and "words" not in verbose
    assert verbose["duration"] == pytest.approx(len(samples) / RATE, abs=0.01)
    assert [segment["text"] for segment in verbose["segments"]] == ["bad cab fed"]


def test_times_of_words_and_segments_are_asked_for(client: TestClient) -> None:
    fields = {"response_format": "verbose_json", "timestamp_granularities[]": ["word"]}
    answer = asked(client, said(0.3, "bad cab"), **fields).json()
    assert [word["word"] for word in answer["words"]] == ["bad", "cab"] and "segments" not in answer
    assert 0.25 < answer["words"][0]["start"] < answer["words"][0]["end"] <= answer["words"][1]["start"]
    both = asked(client, said("bad"), **{**fields, "timestamp_granularities[]": ["word", "segment"]}).json()
    assert both["words"] and both["segments"]


def test_words_tell_how_sure_they_are(client: TestClient) -> None:
    answer = asked(client, said("bad"), response_format="verbose_json", **{"timestamp_granularities[]": "word"}).json()
    assert 0.5 < answer["words"][0]["confidence"] <= 1


def test_alternatives_of_each_segment_are_asked_for(client: TestClient) -> None:
    doubt = speak(TABLE, "bad", {"d": ("g", 0.9)})
    samples = np.concatenate([silence(2.0), *[np.concatenate([doubt, silence(1.0)])] * 14])[: 29 * RATE]  # longer than a piece
    verbose = {"response_format": "verbose_json"}
    plain = asked(client, samples, **verbose).json()
    assert len(plain["segments"]) > 1 and "alternatives" not in plain["segments"][0]
    segments = asked(client, samples, **verbose, nbest="3").json()["segments"]
    assert [segment["text"] for segment in segments] == [segment["text"] for segment in plain["segments"]]
    for segment in segments:
        texts = [each["text"] for each in segment["alternatives"]]
        scores = [each["score"] for each in segment["alternatives"]]
        assert texts[0] == segment["text"] and 2 <= len(set(texts)) == len(texts) <= 3 and scores == sorted(scores, reverse=True)
    (doubtful,) = asked(client, doubt, **verbose, nbest="2").json()["segments"]
    assert {each["text"] for each in doubtful["alternatives"]} == {"bad", "bag"}
    assert asked(client, silence(1.0), **verbose, nbest="3").json()["segments"] == []


def test_stream_sends_events_and_then_the_whole_text(client: TestClient) -> None:
    samples = np.concatenate([said("bad cab", 1.0)] * 14)  # longer than a piece
    answer = asked(client, samples[: 29 * RATE], stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert {event["type"] for event in events[:-1]} == {"transcript.text.delta"} and len(events) > 2
    assert events[-1] == {"type": "transcript.text.done", "text": "".join(event["delta"] for event in events[:-1])}


def test_prompt_names_hot_words(client: TestClient) -> None:
    assert asked(client, said("gag")).json()["text"] != "gag"
    assert asked(client, said("gag"), prompt="Gag, cab").json()["text"] == "gag"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", []),
        ("pull request, Kubernetes", ["pull request", "Kubernetes"]),
        ("Tympan meets Kaldi.", ["Tympan", "meets", "Kaldi"]),
        ("one\ntwo; three,", ["one", "two", "three"]),
        ("alone,", ["alone"]),
    ],
)
def test_prompts_are_read_as_lists_or_as_words(prompt: str, words: list[str]) -> None:
    assert prompted(prompt) == words


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"model": "nobody"}, 404, "no model 'nobody'"),
        ({"model": "../tones"}, 404, "no model"),
        ({"response_format": "docx"}, 400, "docx"),
        ({"timestamp_granularities[]": "phone"}, 400, "word and segment"),
        ({"prompt": "a, b, c, d"}, 400, "3 hot words"),
        ({"nbest": "0", "response_format": "verbose_json"}, 400, "from 1 to 10"),
        ({"nbest": "11", "response_format": "verbose_json"}, 400, "from 1 to 10"),
        ({"nbest": "²", "response_format": "verbose_json"}, 400, "from 1 to 10"),
        ({"nbest": "3"}, 400, "needs response_format verbose_json"),
        ({"nbest": "3", "stream": "true"}, 400, "no stream"),
        ({"nbest": "3", "response_format": "verbose_json", "timestamp_granularities[]": "word"}, 400, "with segments"),
        ({"prompt": "żółć"}, 400, "cannot be spelled"),
    ],
)
def test_requests_that_cannot_be_answered_say_why(client: TestClient, fields: dict[str, str], status: int, sentence: str) -> None:
    answer = asked(client, said("bad"), **fields)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert sentence in error["message"] and set(error) == {"message", "type", "param", "code"}


def test_uploads_that_are_no_audio_are_refused_without_a_path(client: TestClient, tmp_path: Path) -> None:
    for data in (b"", b"no audio at all", b"RIFF\xff\xff\xff\xffWAVEfmt ", bytes(range(256)) * 40):
        answer = asked(client, data)
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert message and "/" not in message.replace("m4a/", "") and "Traceback" not in message


def test_forms_that_are_none_are_refused(client: TestClient) -> None:
    assert client.post(URL, json={"file": "x"}).status_code == 415
    assert client.post(URL, data={"model": "tones"}, files={"other": b"x"}).status_code == 400
    assert client.post(URL, content=b"garbage", headers={"content-type": "multipart/form-data; boundary=b"}).status_code == 400
    assert client.post(URL, content=b"garbage", headers={"content-type": "multipart/form-data"}).status_code == 400


def test_recordings_that_last_too_long_are_refused(client: TestClient) -> None:
    answer = asked(client, np.zeros(31 * RATE, np.float32))
    assert answer.status_code == 413 and "may last 30 s" in answer.json()["error"]["message"]


def test_a_server_that_has_enough_to_do_says_so(client: TestClient) -> None:
    state = client.app.state  # type: ignore[attr-defined]
    state.jobs = 2 * state.limits.max_jobs
    try:
        answer = asked(client, said("bad"))
    finally:
        state.jobs = 0
    assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
    assert asked(client, said("bad")).json() == {"text": "bad"}
