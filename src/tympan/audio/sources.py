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
        try:
            file = open(source, "rb")  # noqa: SIM115 - closed below; an error inside the caller's block must not be taken for ours
        except OSError as error:
            raise AudioError(f"{source} cannot be opened: {error.strerror}.", "Check who may read it.") from error
        with file, _seekable(file, str(source)) as seekable:
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
