"""A recogniser that hears recordings as streams: what live text costs, on the same manifests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tympan import audio
from tympan.transcript import Transcript

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer
    from tympan.streaming import StreamOptions


@dataclass(frozen=True)
class Streamed:
    """`System` of a recogniser's streams.

    Args:
        recognizer: ours.
        options: of each stream.
    """

    recognizer: Recognizer
    options: StreamOptions

    def transcribe(self, source: Any) -> Transcript:
        """As `Recognizer.transcribe`, by a stream; the text does not depend on the packets, which are blocks of the file."""
        stream = self.recognizer.stream(self.options)
        for block in audio.blocks(source, self.recognizer.sample_rate):
            stream.accept(block, self.recognizer.sample_rate)
        return stream.finish()

    def search_settings(self) -> dict[str, Any]:
        """Those of the recogniser, and how it hears."""
        settings: dict[str, Any] = {"streams": self.recognizer.streams}
        if self.recognizer.streams == "chunks":
            settings |= {"chunk_s": self.options.chunk_s, "first_chunk_s": self.options.first_chunk_s}
            settings |= {"second_pass": self.options.second_pass}
        return {**self.recognizer.search_settings(), **settings}

    def describe_search(self) -> str:
        """The same in a line."""
        how = f"chunks of {1000 * self.options.chunk_s:g} ms" if self.recognizer.streams == "chunks" else self.recognizer.streams
        again = ", then each piece whole" if self.options.second_pass and self.recognizer.streams == "chunks" else ""
        return f"{self.recognizer.describe_search()}; heard as a stream in {how}{again}"
