"""Writing files so that no interruption loses or halves one."""

from __future__ import annotations

import glob
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tympan.errors import TympanError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on leaving it is synced and renamed to `path`, on an error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb+") as file:  # Windows refuses to sync what is open for reading only
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a reader sees the old file or the new one, whole."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_once(path: Path, content: bytes, mark: str = "") -> bool:
    """Write `content` to `path` unless there is such a file; of several that try at once, on several machines too, one does it.

    Args:
        path: the final name; whoever sees it sees the whole content.
        content: what is written.
        mark: stands in the temporary name, so that what a killed process left can be told from other people's files.

    Returns:
        Whether this call wrote it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{mark}{uuid.uuid4().hex}.tmp")  # a process number is unique on one machine only
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # a rename would put this file in the place of another's
        except FileExistsError:
            return False
        except OSError:  # a file system without links, such as FAT or some network folders: the gap between look and rename remains
            if path.exists():
                return False
            os.replace(temporary, path)
        sync_folder(path.parent)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` left; only for who knows that nobody writes it now."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable; on systems where a folder cannot be opened this does nothing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_equal_names(named: Iterable[tuple[object, object]]) -> None:
    """TympanError if two of these (name, source) would be written to one file."""
    seen: dict[str, object] = {}
    for name, source in named:
        if str(name) in seen:
            raise TympanError(
                f"{seen[str(name)]} and {source} would both be written as {name}.", "Give them to calls with folders of their own."
            )
        seen[str(name)] = source
