"""Concurrent streams on one core: python benchmarks/streaming.py [--model FILE] [--levels 1,5,10] [--seconds 30] [--paced] [--peer]

Clips of dev-librispeech come in packets of 100 ms, each stream one clip after another, the streams at random offsets.

Virtual time (the engine): what has arrived is heard by the server's own worker, its CPU time is measured, and the clock moves on by it,
while packets go on arriving; so a level's delays are those of a core that does nothing else. Paced (`--paced`): a server process of its own
on one core, real sockets, packets sent when they would have been spoken, from another core.

A level holds only if the backlog does not grow: the mean delay of finals in the second half is at most 1.5 times that of the first half,
plus 20 ms, and neither a final of the second half nor the first words, but for one in twenty, come later than two seconds: finals go
before other words, so these show a backlog first, and a client that waits for its final sends no more meanwhile.

    final      from a client's finish to its last final, ms
    first      from the first packet with speech (loudness above -45 dBFS) to the first partial with text, ms
    retracted  share of words that were shown and changed afterwards
    memory     resident memory a further stream, MB; paced, by the peaks of a level and of the one before

`--peer` adds pocketsphinx's decoder in its one-pass setting, in virtual time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import heapq
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tympan import audio
from tympan.audio.segment import frame_loudness
from tympan.data.manifest import read_manifest
from tympan.decoding import SearchOptions
from tympan.recognizer import Recognizer, load
from tympan.serve.metrics import Metrics
from tympan.serve.models import Models
from tympan.serve.scheduler import Event, Session, Worker
from tympan.streaming import StreamOptions

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
RATE, PACKET = 16_000, 1_600
SPEECH_DBFS = -45.0
LATE_MS = 2000.0
CLIPS = 60


@dataclass
class Level:
    """What was measured at a number of streams."""

    streams: int
    final_ms: list[float] = field(default_factory=list)
    final_at: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    shown: int = 0
    retracted: int = 0
    busy_s: float = 0.0
    span_s: float = 0.0
    memory_mb: float = 0.0
    texts: dict[int, str] = field(default_factory=dict)

    def holds(self) -> bool:
        """Whether the backlog does not grow."""
        middle = self.span_s / 2
        early = [delay for delay, at in zip(self.final_ms, self.final_at, strict=True) if at < middle]
        late = [delay for delay, at in zip(self.final_ms, self.final_at, strict=True) if at >= middle]
        if not (early and late) or float(np.mean(late)) > 1.5 * float(np.mean(early)) + 20:
            return False
        return max(late) <= LATE_MS and not (self.first_ms and float(np.quantile(self.first_ms, 0.95)) > LATE_MS)

    def row(self) -> dict[str, Any]:
        """As it is printed."""
        quantile = lambda values, share: round(float(np.quantile(values, share)), 1) if values else None  # noqa: E731
        return {
            "streams": self.streams,
            "final_p50_ms": quantile(self.final_ms, 0.5),
            "final_p95_ms": quantile(self.final_ms, 0.95),
            "final_max_ms": quantile(self.final_ms, 1.0),
            "first_p50_ms": quantile(self.first_ms, 0.5),
            "first_p95_ms": quantile(self.first_ms, 0.95),
            "load": round(self.busy_s / self.span_s, 3) if self.span_s else None,
            "retracted": round(self.retracted / self.shown, 4) if self.shown else None,
            "memory_mb": round(self.memory_mb, 2) or None,
            "clips": len(self.final_ms),
            "holds": self.holds(),
        }


@dataclass
class Clip:
    """A recording in packets."""

    number: int
    packets: list[np.ndarray]
    speech: int  # first packet with speech


def clips() -> list[Clip]:
    """Of dev-librispeech."""
    found = []
    for number, utterance in enumerate(read_manifest(SHARED / "speech" / "dev-librispeech.jsonl")[:CLIPS]):
        samples = (audio.read(utterance.audio, RATE) * 32767).astype(np.int16)
        packets = [samples[at : at + PACKET] for at in range(0, len(samples), PACKET)]
        loud = [frame_loudness(packet.astype(np.float32) / 32768, 160).max() > SPEECH_DBFS for packet in packets]
        found.append(Clip(number, packets, loud.index(True) if any(loud) else 0))
    return found


def turns(stream: int, recordings: list[Clip]) -> Iterator[Clip]:
    """The clips of a stream, in an order of its own."""
    order = list(recordings)
    random.Random(stream).shuffle(order)
    while True:
        yield from order


def resident_mb() -> float:
    """Of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Client:
    """One stream in virtual time."""

    def __init__(self, clock: Clock, models: Models, options: StreamOptions, level: Level, playing: Iterator[Clip]) -> None:
        self.clock, self.models, self.options, self.level, self.playing = clock, models, options, level, playing
        self.begin()

    def begin(self) -> None:
        """The next clip."""
        self.clip = next(self.playing)
        self.packet = 0
        self.first_told = self.done = False
        self.texts: list[str] = []
        stream = self.models.find(None).stream(self.options, {})
        self.session = Session(stream, self.clock, self.told, True)

    def send(self, at: float) -> float | None:
        """The packet that is due; when the next is, None after the last."""
        self.session.audio(self.clip.packets[self.packet], RATE)
        if self.packet == self.clip.speech:
            self.speech_at = at
        self.packet += 1
        if self.packet < len(self.clip.packets):
            return at + PACKET / RATE
        self.finished_at = at
        self.session.finish()
        return None

    def told(self, events: list[Event]) -> None:
        """By the worker."""
        now = self.clock.now
        for event in events:
            if event.kind == "partial" and event.value.text and not self.first_told and self.packet > self.clip.speech:
                self.first_told = True
                self.level.first_ms.append(1000 * (now - self.speech_at))
            elif event.kind == "final":
                self.texts.append(event.value.segment.text)
            elif event.kind == "finished":
                self.level.final_ms.append(1000 * (now - self.finished_at))
                self.level.final_at.append(now)
                stability = self.session.stream.stability  # type: ignore[union-attr]
                self.level.shown += stability.shown
                self.level.retracted += stability.retracted
                self.level.texts[self.clip.number] = " ".join(self.texts)
                self.done = True
            elif event.kind == "failed":
                raise SystemExit(event.value)


class Clock(Worker):
    """The server's worker in virtual time: while it works, packets go on arriving.

    Attributes:
        now: seconds; goes on by the CPU time of its work.
        due: when which stream's next packet is sent.
    """

    def __init__(self, models: Models, recordings: list[Clip], level: Level, options: StreamOptions) -> None:
        super().__init__("benchmark", Metrics(), lambda error: print(error, file=sys.stderr))
        rng, streams = random.Random(0), level.streams
        self.begun, self.ended, self.rng = 0.0, 0.0, rng
        self.cpu: float | None = None
        self.clients = [Client(self, models, options, level, turns(index, recordings)) for index in range(streams)]
        self.due = [(rng.uniform(0, PACKET / RATE) + (rng.uniform(0, 8) if streams > 1 else 0), index) for index in range(streams)]
        heapq.heapify(self.due)

    @property
    def now(self) -> float:
        return self.begun + (time.process_time() - self.cpu if self.cpu is not None else 0.0)

    def arrive(self, until: float) -> None:
        """Packets that are sent by then."""
        while self.due and self.due[0][0] <= until:
            at, index = heapq.heappop(self.due)
            if (following := self.clients[index].send(at)) is not None:
                heapq.heappush(self.due, (following, index))

    def hurried(self) -> dict[Session, None]:
        self.arrive(self.now)
        return super().hurried()

    def gather(self) -> None:
        """The next packet, and those that are waited for."""
        self.begun = max(self.begun, self.due[0][0])
        self.arrive(self.begun)
        until = self.begun + self.patience()
        while len(self.clients) > 1 and not self.urgent and self.due and self.due[0][0] <= until:
            self.begun = self.due[0][0]
            self.arrive(self.begun)
        if len(self.clients) > 1 and not self.urgent:
            self.begun = until

    def work(self) -> float:
        """A turn; CPU seconds."""
        self.cpu = time.process_time()
        self.turn()
        spent = time.process_time() - self.cpu
        self.worked(self.begun, self.begun + spent)
        self.begun, self.cpu = self.begun + spent, None
        for index, client in enumerate(self.clients):
            if client.done:
                client.begin()
                heapq.heappush(self.due, (self.begun + self.rng.uniform(0.2, 1.0), index))
        return spent


def virtual(models: Models, recordings: list[Clip], streams: int, seconds: float, options: StreamOptions) -> Level:
    """A level in virtual time."""
    gc.collect()
    level, before = Level(streams), resident_mb()
    clock = Clock(models, recordings, level, options)
    while clock.begun < seconds:
        clock.gather()
        level.busy_s += clock.work()
    level.span_s = clock.begun
    level.memory_mb = max(0.0, resident_mb() - before) / streams
    return level


async def paced(url: str, recordings: list[Clip], streams: int, seconds: float) -> Level:
    """A level over real sockets."""
    import websockets

    level, begun = Level(streams), time.monotonic()

    async def one(index: int) -> None:
        playing, rng = turns(index, recordings), random.Random(index)
        await asyncio.sleep(rng.uniform(0, 4))
        while time.monotonic() - begun < seconds:
            clip = next(playing)
            async with websockets.connect(url, max_queue=None) as socket:
                await socket.send(json.dumps({"type": "start", "sample_rate": RATE, "words": False}))
                assert json.loads(await socket.recv())["type"] == "ready"
                marks: dict[str, float] = {}
                texts: list[str] = []

                async def read() -> None:
                    async for message in socket:
                        fields = json.loads(message)
                        if fields["type"] == "partial" and fields["text"] and "speech" in marks and "first" not in marks:  # noqa: B023
                            marks["first"] = time.monotonic()  # noqa: B023
                        elif fields["type"] == "final":
                            texts.append(fields["text"])  # noqa: B023
                            marks["final"] = time.monotonic()  # noqa: B023
                        elif fields["type"] == "bye":
                            marks["bye"] = time.monotonic()  # noqa: B023
                        elif fields["type"] == "error":
                            raise SystemExit(fields["message"])

                reading = asyncio.ensure_future(read())
                start = time.monotonic()
                for number, packet in enumerate(clip.packets):
                    await asyncio.sleep(max(0.0, start + (number + 1) * PACKET / RATE - time.monotonic()))
                    await socket.send(packet.tobytes())
                    if number == clip.speech:
                        marks["speech"] = time.monotonic()
                finish = time.monotonic()
                await socket.send('{"type": "finish"}')
                await reading
                level.final_ms.append(1000 * (marks["bye"] - finish))
                level.final_at.append(marks["bye"] - begun)
                if "first" in marks:
                    level.first_ms.append(1000 * (marks["first"] - marks["speech"]))
                level.texts[clip.number] = " ".join(texts)

    await asyncio.gather(*(one(index) for index in range(streams)))
    level.span_s = time.monotonic() - begun
    return level


def process_facts(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and the MB of memory that it had at most."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    (peak,) = (line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return (int(fields[11]) + int(fields[12])) / ticks, int(peak) / 2**10


def paced_levels(arguments: argparse.Namespace, recordings: list[Clip], levels: list[int]) -> None:
    """All levels against one server process."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "tympan", "serve", "--port", "0", "--model", f"m={arguments.model}", "--workers", "1"]
    command += ["--max-streams", "500"] + (["--scorer", str(arguments.scorer)] if arguments.scorer else [])
    begun = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {cores[-1]})) as server:
        try:
            assert server.stderr is not None
            line = server.stderr.readline()
            while "ready at" not in line:
                line = server.stderr.readline()
            print(f"server ready after {time.monotonic() - begun:.2f} s")
            url = line.split("ready at ")[1].split()[0].replace("http", "ws") + "/v1/listen"
            os.sched_setaffinity(0, set(cores[:-1]) or set(cores))
            fewer = 0
            for streams in levels:
                cpu, memory = process_facts(server.pid)
                level = asyncio.run(paced(url, recordings, streams, arguments.seconds))
                later, grown = process_facts(server.pid)
                level.busy_s, level.memory_mb = later - cpu, max(0.0, grown - memory) / max(1, streams - fewer)
                fewer = streams
                print(json.dumps({"how": "paced", **level.row()}), flush=True)
        finally:
            server.terminate()


def peer(recordings: list[Clip], streams: int, seconds: float) -> Level:
    """pocketsphinx in virtual time, one pass over words."""
    import pocketsphinx

    level, rng = Level(streams), random.Random(0)
    before = resident_mb()
    decoders = [pocketsphinx.Decoder(fwdflat=False, bestpath=False, loglevel="FATAL") for _ in range(streams)]
    level.memory_mb = (resident_mb() - before) / streams
    playing = [turns(index, recordings) for index in range(streams)]
    current = [(next(each), 0) for each in playing]
    due = [(rng.uniform(0, 8 if streams > 1 else 0.1), index) for index in range(streams)]
    heapq.heapify(due)
    now, speech_at, told = 0.0, [0.0] * streams, [False] * streams
    while now < seconds:
        at, index = heapq.heappop(due)
        now = max(now, at)
        clip, packet = current[index]
        begun = time.process_time()
        if packet == 0:
            decoders[index].start_utt()
            told[index] = False
        if packet == clip.speech:
            speech_at[index] = at
        decoders[index].process_raw(clip.packets[packet].tobytes(), False, False)
        last = packet + 1 == len(clip.packets)
        if last:
            decoders[index].end_utt()
        found = decoders[index].hyp()
        spent = time.process_time() - begun
        level.busy_s += spent
        now += spent
        if found is not None and found.hypstr and not told[index] and packet >= clip.speech:
            told[index] = True
            level.first_ms.append(1000 * (now - speech_at[index]))
        if last:
            level.final_ms.append(1000 * (now - at))
            level.final_at.append(now)
            current[index] = (next(playing[index]), 0)
            heapq.heappush(due, (now + rng.uniform(0.2, 1.0), index))
        else:
            current[index] = (clip, packet + 1)
            heapq.heappush(due, (at + PACKET / RATE, index))
    level.span_s = now
    return level


def opener(arguments: argparse.Namespace) -> Callable[[], Recognizer]:
    """The model as `tympan serve` opens it."""
    search = SearchOptions(beam_size=arguments.beam_size, beam_threshold=arguments.beam_threshold, lm_weight=arguments.lm_weight)
    return lambda: load(arguments.model, threads=1, scorer=arguments.scorer, search=search)


def main() -> None:
    """Print a row for each level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="english")
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--levels", default="1,5,10,20,40,80")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--beam-size", type=int, default=100)
    parser.add_argument("--beam-threshold", type=float, default=10.0)
    parser.add_argument("--lm-weight", type=float)
    parser.add_argument("--chunk-s", type=float, default=StreamOptions.chunk_s)
    parser.add_argument("--first-chunk-s", type=float, default=StreamOptions.first_chunk_s)
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--peer", action="store_true")
    arguments = parser.parse_args()
    recordings, levels = clips(), [int(level) for level in arguments.levels.split(",")]
    if arguments.peer:
        for streams in (1, 2, 3, 4):
            print(json.dumps({"how": "pocketsphinx, one pass", **peer(recordings, streams, arguments.seconds).row()}), flush=True)
    if arguments.paced:
        paced_levels(arguments, recordings, levels)
        return
    models = Models({"m": opener(arguments)})
    options = StreamOptions(chunk_s=arguments.chunk_s, first_chunk_s=arguments.first_chunk_s)
    virtual(models, recordings, 1, 3.0, options)  # warm
    for streams in levels:
        print(json.dumps({"how": "virtual", **virtual(models, recordings, streams, arguments.seconds, options).row()}), flush=True)


if __name__ == "__main__":
    main()
