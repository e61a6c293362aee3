"""What a layout of shards is told, and what it answers."""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from tympan.audio import AUDIO_SUFFIXES

UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_KEY = 60


@dataclass(frozen=True)
class Packed:
    """One recording on its way into a shard.

    Attributes:
        key: its name there, without suffix: letters, digits, _ and - only, for a point would end it for WebDataset.
        fields: the manifest's line, without the path.
        path: of the recording.
        size: bytes of it.
    """

    key: str
    fields: Mapping[str, Any]
    path: Path
    size: int

    @property
    def member(self) -> str:
        """The recording's name in the archive."""
        suffix = self.path.suffix.lower()
        return f"{self.key}{suffix if suffix in AUDIO_SUFFIXES else '.audio'}"


class Layout(Protocol):
    """Where recordings lie.

    Attributes:
        name: of the option.
    """

    name: str

    def archive(self, number: int) -> str:
        """The name of a shard's archive."""
        ...

    def beside(self, packed: Packed) -> bytes:
        """The JSON that follows the recording in the archive."""
        ...

    def lists(self, number: int, members: Sequence[Packed]) -> dict[str, bytes]:
        """Files that lie beside the archive of a shard, by name."""
        ...


def key_of(id: str, taken: set[str]) -> str:
    """A key for an utterance, and new; it is taken from then on."""
    safe = UNSAFE.sub("_", id)[:LONGEST_KEY]
    key = safe if safe and safe == id else f"{safe or 'clip'}-{zlib.crc32(id.encode('utf-8', 'surrogatepass')):08x}"
    while key in taken:
        key += "x"
    taken.add(key)
    return key


def add_file(archive: tarfile.TarFile, name: str, content: BinaryIO | bytes, size: int) -> None:
    """A member without owner and time, so that the same recordings make the same archive."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else content)
