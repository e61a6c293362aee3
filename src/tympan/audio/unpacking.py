"""Opus as browsers record it, in WebM or Ogg, unpacked while it comes.

    unpacker = StreamUnpacker()
    for data in messages:
        for rate, samples in unpacker.feed(data): ...
    for rate, samples in unpacker.finish(): ...

FFmpeg's libraries pull their input, so they run in a thread of their own that waits for the next message. They are given these two
containers alone, and of their codecs Opus and Vorbis alone. A kilobyte of Opus may hold a minute, so the thread waits too, when nobody
takes what it has unpacked: memory follows neither what is sent nor what it becomes.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tympan.errors import AudioError, MissingExtraError

Packet = tuple[int, npt.NDArray[np.float32]]
FORMATS = {b"OggS": "ogg", b"\x1aE\xdf\xa3": "matroska"}
CODECS = ("opus", "libopus", "vorbis")
PROBE = {"probesize": "4096", "analyzeduration": "0"}  # a stream is live: nothing is read ahead to learn more of it
BUFFER = 2048
MOST_WAITING = 4  # messages that were fed and not unpacked
MOST_UNPACKED = 250  # packets that were not taken: five seconds as browsers record, half a minute and 6 MB at most
TURN_S = 0.02  # after which either side looks whether the other has moved or is gone
DONE_S = 10.0  # for the next packet of what was fed to be unpacked


class StreamUnpacker:
    """One client's recording.

    Raises:
        MissingExtraError: PyAV is not installed.
    """

    def __init__(self) -> None:
        try:
            self.av: Any = importlib.import_module("av")
        except ImportError as error:
            raise MissingExtraError("Opus in WebM or Ogg", "media") from error
        self.head = b""
        self.fed: queue.Queue[bytes] = queue.Queue(MOST_WAITING)
        self.unpacked: queue.Queue[Packet] = queue.Queue(MOST_UNPACKED)
        self.failure = ""
        self.closed = False
        self.thread: threading.Thread | None = None

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take the next bytes; while there is no room for them, it waits for its packets to be taken.

        Yields:
            Sample rate and samples (n,) that are unpacked by now, of these bytes or of earlier ones.

        Raises:
            AudioError: it is neither WebM nor Ogg, or damaged, or holds no Opus.
        """
        if self.thread is None:
            self.head += data
            if len(self.head) < 4:
                return
            if self.head[:4] not in FORMATS:
                raise AudioError("This is neither WebM nor Ogg.", "A browser's MediaRecorder writes audio/webm;codecs=opus or audio/ogg.")
            self.thread = threading.Thread(target=self.run, args=(FORMATS[self.head[:4]],), daemon=True)
            self.thread.start()
            data, self.head = self.head, b""
        if data:
            yield from self.put(data)
        yield from self.ready()

    def put(self, data: bytes) -> Iterator[Packet]:
        """To the thread, with what must be taken before there is room; or why not."""
        while self.thread is not None and self.thread.is_alive():
            try:
                self.fed.put(data, timeout=TURN_S)
                return
            except queue.Full:
                yield from self.ready()
        self.check()

    def ready(self) -> Iterator[Packet]:
        """What is unpacked."""
        found = False
        with contextlib.suppress(queue.Empty):
            while True:
                packet = self.unpacked.get_nowait()
                found = True
                yield packet
        if not found:
            self.check()

    def check(self) -> None:
        """AudioError if the thread failed."""
        if self.failure:
            raise AudioError(f"The recording cannot be unpacked: {self.failure}.", "It must be Opus in WebM or Ogg.")

    def finish(self) -> Iterator[Packet]:
        """The rest, after the last bytes."""
        if self.thread is None:
            return
        yield from self.put(b"")
        moved = time.monotonic()
        while self.thread.is_alive() and time.monotonic() - moved < DONE_S:
            with contextlib.suppress(queue.Empty):
                yield self.unpacked.get(timeout=TURN_S)
                moved = time.monotonic()
        yield from self.ready()

    def close(self) -> None:
        """Nobody wants the rest."""
        self.closed = True
        with contextlib.suppress(queue.Full):
            self.fed.put_nowait(b"")

    # ---- the thread

    def run(self, container_format: str) -> None:
        """Unpack to the end of what is fed."""
        try:
            with self.av.open(Reader(self), "r", format=container_format, options=PROBE, buffer_size=BUFFER) as container:
                streams = container.streams.audio
                if not streams or streams[0].codec_context is None or streams[0].codec_context.name not in CODECS:
                    self.failure = "it holds no Opus"
                    return
                to_floats = self.av.AudioResampler(format="flt", layout="mono")
                for frame in container.decode(streams[0]):
                    for mono in to_floats.resample(frame):
                        self.give((mono.sample_rate, mono.to_ndarray()[0].astype(np.float32)))
                    if self.closed:
                        return
        except self.av.error.FFmpegError as error:
            self.failure = str(error.strerror or error)
        except Exception as error:  # a thread's exception would be lost
            self.failure = type(error).__name__

    def give(self, packet: Packet) -> None:
        """To the other side, as soon as there is room, or nobody wants it."""
        while not self.closed:
            with contextlib.suppress(queue.Full):
                self.unpacked.put(packet, timeout=TURN_S)
                return


class Reader:
    """What is fed, as a file that is read."""

    def __init__(self, unpacker: StreamUnpacker) -> None:
        self.unpacker = unpacker
        self.rest = b""
        self.ended = False

    def read(self, count: int) -> bytes:
        """Up to that many bytes, as soon as there are some."""
        if not self.rest and not self.ended:
            self.rest = self.unpacker.fed.get()
            self.ended = not self.rest or self.unpacker.closed
        data, self.rest = self.rest[:count], self.rest[count:]
        return data
