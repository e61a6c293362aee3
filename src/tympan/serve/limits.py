"""What one server takes on, and what it refuses in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from tympan.errors import TympanError


@dataclass(frozen=True)
class Limits:
    """Bounds of a server; all of them hold for strangers too.

    Attributes:
        max_streams: sockets at a time; the next one is answered 503.
        max_jobs: uploads that are transcribed at a time, and as many wait again; the next one is answered 503.
        max_upload_bytes: of a request's body; more is answered 413.
        slowest_upload: bytes a second that a body must bring on average after `idle_s`; less is answered 408.
        max_audio_s: of an upload, seconds.
        max_stream_s: of a socket's audio, seconds.
        idle_s: without a message, after which a socket is closed; also of a client that does not read its answer.
        max_message_bytes: of a socket's message.
        max_messages_s: a second, over ten seconds.
        max_backlog_s: audio of one socket that waits to be heard; beyond it nothing more is read from the socket.
        max_hot_words: of a request.
        stop_s: that streams have for their last words when the server is told to stop.
    """

    max_streams: int = 64
    max_jobs: int = 2
    max_upload_bytes: int = 256 << 20
    slowest_upload: float = 4096.0
    max_audio_s: float = 4 * 3600.0
    max_stream_s: float = 4 * 3600.0
    idle_s: float = 30.0
    max_message_bytes: int = 1 << 20
    max_messages_s: float = 250.0
    max_backlog_s: float = 5.0
    max_hot_words: int = 200
    stop_s: float = 10.0

    def __post_init__(self) -> None:
        wrong = [f"{name} is {value}" for name, value in vars(self).items() if not value > 0]
        if wrong:
            raise TympanError(f"Limits of the server: {', '.join(wrong)}, but must be above 0.")
