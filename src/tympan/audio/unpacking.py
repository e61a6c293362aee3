"""Opus as browsers record it, in WebM or Ogg, unpacked while it comes.

    unpacker = StreamUnpacker()
    for data in messages:
        for rate, samples in unpacker.feed(data): ...
    for rate, samples in unpacker.finish(): ...

FFmpeg's libraries pull their input, so they run in a thread of their own that waits for the next message. They are given these two
containers alone, and of their codecs Opus and Vorbis alone.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from tympan.errors import AudioError, MissingExtraError

Packet = tuple[int, npt.NDArray[np.float32]]
FORMATS = {b"OggS": "ogg", b"\x1aE\xdf\xa3": "matroska"}
CODECS = ("opus", "libopus", "vorbis")
PROBE = {"probesize": "4096", "analyzeduration": "0"}  # a stream is live: nothing is read ahead to learn more of it
BUFFER = 2048
MOST_WAITING = 64  # messages that were fed and not unpacked
DONE_S = 10.0  # for what was fed to be unpacked


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
        self.unpacked: queue.SimpleQueue[Packet] = queue.SimpleQueue()
        self.failure = ""
        self.closed = False
        self.thread: threading.Thread | None = None

    def feed(self, data: bytes) -> list[Packet]:
        """Take the next bytes.

        Returns:
            Sample rate and samples (n,) that are unpacked by now, of these bytes or of earlier ones.

        Raises:
            AudioError: it is neither WebM nor Ogg, or damaged, or holds no Opus.
        """
        if self.thread is None:
            self.head += data
            if len(self.head) < 4:
                return []
            if self.head[:4] not in FORMATS:
                raise AudioError("This is neither WebM nor Ogg.", "A browser's MediaRecorder writes audio/webm;codecs=opus or audio/ogg.")
            self.thread = threading.Thread(target=self.run, args=(FORMATS[self.head[:4]],), daemon=True)
            self.thread.start()
            data, self.head = self.head, b""
        if data:
            self.put(data)
        return self.ready()

    def put(self, data: bytes) -> None:
        """To the thread, or why not."""
        while self.thread is not None and self.thread.is_alive():
            with contextlib.suppress(queue.Full):
                self.fed.put(data, timeout=0.5)
                return
        self.check()

    def ready(self) -> list[Packet]:
        """What is unpacked."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self.unpacked.get_nowait())
        if not found:
            self.check()
        return found

    def check(self) -> None:
        """AudioError if the thread failed."""
        if self.failure:
            raise AudioError(f"The recording cannot be unpacked: {self.failure}.", "It must be Opus in WebM or Ogg.")

    def finish(self) -> list[Packet]:
        """The rest, after the last bytes."""
        if self.thread is None:
            return []
        self.put(b"")
        self.thread.join(DONE_S)
        return self.ready()

    def close(self) -> None:
        """Nobody wants the rest."""
        self.closed = True
        if self.thread is not None:
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
                        self.unpacked.put((mono.sample_rate, mono.to_ndarray()[0].astype(np.float32)))
                    if self.closed:
                        return
        except self.av.error.FFmpegError as error:
            self.failure = str(error.strerror or error)
        except Exception as error:  # a thread's exception would be lost
            self.failure = type(error).__name__


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
