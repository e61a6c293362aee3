"""Recordings inside tar archives: `shards/shard-000000.tar/key.opus` is the member `key.opus` of `shards/shard-000000.tar`.

Nothing is unpacked, so a member's name is only compared and leads nowhere. The headers are read once a process, 512 bytes each, by a
reader of our own: Python's reads a header of whatever size that it claims, and takes three times as long.

Source of the format: POSIX.1-2001, pax interchange format, and GNU's long names.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from tympan.errors import AudioError
from tympan.window import FileWindow

SUFFIX = ".tar"
BLOCK = 512
MOST_MEMBERS = 2_000_000
LONGEST_NAME = 1 << 16  # bytes of a header that only holds a name
ARCHIVES_KEPT = 64  # lists of members that a process remembers; 10,000 members are about 3 MB
FILES = (b"0", b"\0", b"7")
WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders: their size says nothing


@dataclass(frozen=True)
class Place:
    """Bytes [offset, offset + length) of an archive."""

    offset: int
    length: int


def split_path(path: Path) -> tuple[Path, str] | None:
    """The archive and the member's name that `path` means; None if no part of it is a tar file."""
    for parent in path.parents:
        if parent.suffix.lower() == SUFFIX and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None


def open_member(archive: Path, name: str) -> BinaryIO:
    """A member as a seekable file.

    Raises:
        AudioError: the archive is damaged or compressed, or has no such member.
    """
    place = place_of(archive, name)
    return io.BufferedReader(FileWindow(archive, place.offset, place.length))


def place_of(archive: Path, name: str) -> Place:
    """Where a member lies; errors as `open_member`."""
    try:
        facts = archive.stat()
        members = members_of(archive, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise AudioError(f"{archive} cannot be opened: {error.strerror}.", "Check who may read it.") from error
    if name not in members:
        raise AudioError(f"{archive} has no member {name}.", "Were the shards and the manifest written together?")
    place = members[name]
    if place.offset + place.length > facts.st_size:
        raise AudioError(f"{archive} is cut off in its member {name}.", "Make or copy the archive again.")
    return place


@lru_cache(ARCHIVES_KEPT)
def members_of(archive: Path, size: int, changed_ns: int) -> Mapping[str, Place]:
    """The files of an archive by name; size and time are there to be told apart from what it was before."""
    with open(archive, "rb") as file:
        found = dict(scan(file, archive, size))
    if not found:
        raise AudioError(
            f"{archive} holds no files, or it is no plain tar archive.", "Compressed ones cannot be read from the middle: unpack it."
        )
    return found


def scan(file: BinaryIO, archive: Path, size: int) -> Iterator[tuple[str, Place]]:
    """Names and places, in the archive's order; ends where the archive does, or where it is cut off."""
    offset = 0
    long_name, long_size = "", None
    for _ in range(MOST_MEMBERS):
        file.seek(offset)
        header = file.read(BLOCK)
        if len(header) < BLOCK or not any(header):
            return
        kind, length = header[156:157], parse_number(header[124:136])
        if parse_number(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * 0x20 or length < 0:
            if not offset:
                return
            raise AudioError(f"{archive} is damaged at byte {offset:,}.", "Make or copy the archive again.")
        data = offset + BLOCK
        if kind in (b"L", b"x", b"K", b"g") and length <= size:  # a header that speaks of the next one
            offset = data + padded(length)
            if kind == b"L" and length <= LONGEST_NAME:
                long_name = file.read(length).rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif kind == b"x" and length <= LONGEST_NAME:
                records = parse_records(file.read(length))
                long_name = records.get("path", long_name)
                digits = records.get("size", "")
                long_size = int(digits) if digits.isdecimal() and len(digits) < 20 else None
            continue
        length = long_size if long_size is not None else length
        name = (long_name or name_in(header)).removeprefix("./")
        if kind in FILES and not name.endswith("/"):  # so the oldest archives mark folders
            yield name, Place(data, length)
        if length > size:
            return
        offset = data + (0 if kind in WITHOUT_DATA else padded(length))
        long_name, long_size = "", None
    raise AudioError(f"{archive} has more than {MOST_MEMBERS:,} members.", "Write smaller shards.")


def padded(length: int) -> int:
    """Bytes that `length` bytes take up in an archive."""
    return -(-length // BLOCK) * BLOCK


def parse_number(field: bytes) -> int:
    """Octal digits, or GNU's binary form for what is larger; -1 if it is neither."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else -1 if digits else 0


def name_in(header: bytes) -> str:
    """The name that the header itself holds."""
    name, prefix = header[:100].split(b"\0", 1)[0], header[345:500].split(b"\0", 1)[0]
    joined = prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name
    return joined.decode("utf-8", "surrogateescape")


def parse_records(content: bytes) -> dict[str, str]:
    """pax's records: `length key=value`, a line each; what comes after a wrong one is left out."""
    records: dict[str, str] = {}
    place = 0
    while place < len(content):
        digits = content[place : place + 10].split(b" ", 1)[0]
        if not digits.isdigit() or not len(digits) < int(digits) <= len(content) - place:
            break
        key, _, value = content[place + len(digits) + 1 : place + int(digits) - 1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        place += int(digits)
    return records
