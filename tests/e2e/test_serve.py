"""`tympan serve` as people start it: a process, real sockets, the clients that they have."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import soundfile
import websockets
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient

from serving import TOKEN, pcm, running, spoken, texts
from streams import RATE, packets, said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("server"), "--max-streams", "80") as (_, address, _):
        yield address


def wav(samples: np.ndarray) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    file.seek(0)
    file.name = "talk.wav"
    return file


def test_openais_own_client_is_served(server: str) -> None:
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="none is needed")
    assert [model.id for model in client.models.list()] == ["tones"]
    create = client.audio.transcriptions.create
    samples = said(0.3, "bad cab", 0.5, "fed")
    assert create(model="whisper-1", file=wav(samples)).text == "bad cab fed"
    verbose = create(model="tones", file=wav(samples), response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert verbose.text == "bad cab fed" and verbose.words is not None and [word.word for word in verbose.words] == ["bad", "cab", "fed"]
    assert verbose.segments is not None and verbose.segments[0].text == "bad cab fed"
    assert "-->" in create(model="tones", file=wav(samples), response_format="srt")
    with pytest.raises(openai.NotFoundError, match="no model 'nobody'"):
        create(model="nobody", file=wav(samples))
    events = list(create(model="tones", file=wav(samples), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"] and events[-1].text == "bad cab fed"


def test_many_sockets_at_once_hear_what_each_hears_alone(server: str) -> None:
    talks = [said(0.2, "bad cab", 1.0, "fed a egg"), said("cab", 0.8, "bag bad fed"), said("egg fed", 0.1 + 0.7, "a bad bag")]

    async def together() -> list[str]:
        found = await asyncio.gather(*(spoken(server, talks[index % 3], 0.005) for index in range(64)))
        return [texts(messages) for messages in found]

    found = asyncio.run(together())
    assert found == [["bad cab fed a egg", "cab bag bad fed", "egg fed a bad bag"][index % 3] for index in range(64)]


def test_clients_that_hang_up_in_the_middle_of_a_packet_harm_nobody(server: str) -> None:
    host, port = server.removeprefix("http://").rsplit(":", 1)

    async def rude() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /v1/listen HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x82\xfe\x10\x00abcd" + b"x" * 100)  # says 4096 bytes, and goes after 100
        await writer.drain()
        writer.transport.abort()

    async def all_of_them() -> list[dict[str, Any]]:
        healthy = asyncio.ensure_future(spoken(server, said("bad cab", 0.8, "fed"), 0.02))
        await asyncio.gather(*(rude() for _ in range(20)))
        return await healthy

    assert texts(asyncio.run(all_of_them())) == "bad cab fed"
    for _ in range(50):
        if "tympan_streams 0.0" in httpx.get(f"{server}/metrics").text:
            break
    assert "tympan_streams 0.0" in httpx.get(f"{server}/metrics").text


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
def test_sigterm_under_load_loses_no_words_and_sighup_opens_the_models_again(tmp_path: Path) -> None:
    with running(tmp_path) as (process, address, lines):

        async def load() -> list[list[dict[str, Any]]]:
            speaking = [asyncio.ensure_future(cut(address)) for _ in range(12)]
            await asyncio.sleep(0.5)
            os.kill(process.pid, signal.SIGHUP)
            await asyncio.sleep(0.7)
            os.kill(process.pid, signal.SIGTERM)
            return await asyncio.gather(*speaking)

        async def cut(address: str) -> list[dict[str, Any]]:
            """Speaks a phrase, and is silent until the server says goodbye."""
            async with websockets.connect(f"{address.replace('http', 'ws')}/v1/listen") as socket:
                await socket.send(json.dumps({"type": "start", "endpoint_ms": 60_000}))
                for packet in packets(said("bad cab fed"), [1600]):
                    await socket.send(pcm(packet))
                return [json.loads(message) async for message in socket]

        for messages in asyncio.run(load()):
            assert texts(messages) == "bad cab fed" and messages[-1]["type"] == "bye"
        assert process.wait(timeout=20) == 0
        assert any("opened again" in line for line in lines) and not any("Traceback" in line for line in lines)


async def heard_by_wyoming(address: str, samples: np.ndarray) -> str:
    """The transcript that Home Assistant would get."""
    async with AsyncClient.from_uri(address) as client:
        await client.write_event(Transcribe(name="tones", language="en").event())
        await client.write_event(AudioStart(RATE, 2, 1).event())
        for packet in packets(samples, [1024]):
            await client.write_event(AudioChunk(RATE, 2, 1, pcm(packet)).event())
        await client.write_event(AudioStop().event())
        while (event := await client.read_event()) is not None:
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text
    raise AssertionError("no transcript came")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
def test_home_assistants_client_is_served_beside_the_others_until_sigterm(tmp_path: Path) -> None:
    with running(tmp_path, "--wyoming", "tcp://127.0.0.1:0", "--max-streams", "20") as (process, http, lines):
        (address,) = [line.split()[-1] for line in lines if "Wyoming at" in line]

        async def talks() -> tuple[list[str], str, str]:
            host, port = address.removeprefix("tcp://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"\x16\x03\x01 no event\n")
            rude = (await reader.read()).decode()
            writer.close()
            several = [heard_by_wyoming(address, said(0.2, "bad cab", 0.9, "fed")) for _ in range(8)]
            *texts_, messages = await asyncio.gather(*several, spoken(http, said("cab")))
            return texts_, texts(messages), rude

        found, other, rude = asyncio.run(talks())
        assert found == ["bad cab fed"] * 8 and other == "cab" and "An event is a line of JSON" in rude

        async def cut() -> list[str]:
            """Speaks, and has not said that it is done when the server is told to stop."""
            async with AsyncClient.from_uri(address) as client:
                await client.write_event(AudioStart(RATE, 2, 1).event())
                await client.write_event(AudioChunk(RATE, 2, 1, pcm(said("bad cab", 1.0, "fed"))).event())
                event = await client.read_event()
                assert event is not None and event.type == "transcript-start"
                os.kill(process.pid, signal.SIGTERM)
                events = []
                while (event := await client.read_event()) is not None:
                    events.append(event)
                assert [event.type for event in events[-2:]] == ["transcript", "transcript-stop"]
                return [event.data["text"] for event in events[:-1]]

        assert asyncio.run(cut()) == ["bad cab", " fed", "bad cab fed"]
        assert process.wait(timeout=20) == 0
        assert not any("Traceback" in line for line in lines)


def test_token_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    with running(tmp_path, "--token", str(tmp_path / "tokens")) as (_, address, _):
        assert httpx.get(f"{address}/v1/models").status_code == 401
        client = openai.OpenAI(base_url=f"{address}/v1", api_key=TOKEN)
        assert [model.id for model in client.models.list()] == ["tones"]


def test_tokens_cannot_be_passed_by_wyoming(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    command = [sys.executable, "-m", "tympan", "serve", "--token", str(tmp_path / "tokens"), "--wyoming", "tcp://0.0.0.0:0", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "Wyoming knows no tokens" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nowhere.tympan"], "There is no bundle nowhere.tympan"),
        (["--model", "a=english", "--model", "a=english"], "was given before"),
        (["--host", "203.0.113.7"], "cannot listen on 203.0.113.7"),
        (["--token", "nowhere.txt"], "cannot be read"),
        (["--wyoming", "tcp://nowhere"], "--wyoming tcp://nowhere is no address"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(arguments: list[str], sentence: str) -> None:
    done = subprocess.run([sys.executable, "-m", "tympan", "serve", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
