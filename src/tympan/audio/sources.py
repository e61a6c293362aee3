"""Paths, bytes and file objects -> one seekable binary file, with a name for messages."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from tympan.audio.archives import open_member, place_of, split_path
from tympan.errors import AudioError

_SPOOL_BYTES = 16 * 2**20  # a pipe longer than this goes to a temporary file, not to memory


def check_path(source: object) -> None:
    """Raise AudioError for what can be told of a source without opening it: missing, a folder, empty."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise AudioError("The audio given as bytes is empty (0 bytes).", "The recording or its transfer failed; make it again.")
        return
    if not isinstance(source, (str, os.PathLike)):
        return
    path = Path(source)
    if not path.exists():
        if member := split_path(path):
            if place_of(*member).length == 0:
                raise AudioError(f"{path} is empty (0 bytes).", "The recording or the copy failed; make it again.")
            return
        hint = "Tympan downloads nothing: fetch the file first." if "://" in str(source) else f"Paths count from {Path.cwd()}."
        raise AudioError(f"{source}: no such file.", hint)
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not a recording.", f"Give the files in it, e.g. {path / '*.wav'}")
    if path.is_file() and path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes).", "The recording or the copy failed; make it again.")


@contextmanager
def opened(source: object) -> Iterator[tuple[BinaryIO, str]]:
    """Give a seekable binary file and its name; a file object is read from its start, and is not closed.

    Raises:
        AudioError: no such file, a folder, no permission, 0 bytes, or not something that can be read.
    """
    check_path(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield io.BytesIO(source), "The audio given as bytes"
    elif isinstance(source, (str, os.PathLike)):
        with _open(Path(source)) as file, _seekable(file, str(source)) as seekable:
            yield seekable, str(source)
    elif hasattr(source, "read"):
        name = getattr(source, "name", None)
        name = name if isinstance(name, str) else "The audio file object"
        with _seekable(source, name) as seekable:
            yield seekable, name
    else:
        raise AudioError(
            f"A recording cannot be read from {type(source).__name__}.", "Give a path, bytes, a binary file object or a numpy array."
        )


def stamp(path: Path) -> tuple[int, int] | None:
    """Bytes and time of change (ns) of a recording's file, or of the archive that it lies in; None if there is neither."""
    try:
        facts = path.stat()
    except OSError:
        member = split_path(path)
        return stamp(member[0]) if member else None
    return facts.st_size, facts.st_mtime_ns


def size_of(path: Path) -> int:
    """Bytes of a recording's file, or of its place in an archive; AudioError if there is none, or it is empty."""
    check_path(path)
    return path.stat().st_size if path.exists() else place_of(*cast(tuple[Path, str], split_path(path))).length


def _open(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except (FileNotFoundError, NotADirectoryError):
        if member := split_path(path):
            return open_member(*member)
        raise AudioError(f"{path}: no such file.", "It was there a moment ago.") from None
    except OSError as error:
        raise AudioError(f"{path} cannot be opened: {error.strerror}.", "Check who may read it.") from error


@contextmanager
def _seekable(file: Any, name: str) -> Iterator[BinaryIO]:
    if file.seekable():
        if file.seek(0, os.SEEK_END) == 0:
            raise AudioError(f"{name} is empty (0 bytes).", "The recording or the copy failed; make it again.")
        file.seek(0)
        if not isinstance(file.read(1), bytes):
            raise AudioError(f"{name} is opened as text.", 'Open it with mode "rb".')
        file.seek(0)
        yield file
        return
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        shutil.copyfileobj(file, spool)
        if spool.tell() == 0:
            raise AudioError(f"{name} is empty (0 bytes).", "The program that writes to this pipe gave nothing.")
        spool.seek(0)
        yield cast(BinaryIO, spool)
