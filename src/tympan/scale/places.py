"""Where recordings lie and transcripts go: folders that all machines see, and addresses that fsspec knows (s3://bucket/talks).

A local path stays one. `file://` is a local path too, so that its files are written with what a file system offers: synced, and
never over another's.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from tympan.errors import AudioError, TympanError
from tympan.extras import require
from tympan.files import write_once

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")  # of two letters at least: C:\ is a drive
LOCAL = re.compile(r"(?:file|local)://")
WHOLE_AT_ONCE = {"abfs", "abfss", "az", "gcs", "gs", "memory", "r2", "s3", "s3a"}
"""Stores that show a file only when it is whole. A temporary name would be a copy there, not a rename."""


def is_address(text: str) -> bool:
    """Whether fsspec is to open it."""
    return bool(ADDRESS.match(text)) and not LOCAL.match(text)


def local_path(text: str) -> Path:
    """The path of what is no address."""
    return Path(LOCAL.sub("", text, count=1))


def file_system(address: str) -> tuple[Any, str]:
    """fsspec's file system for an address, and the path within it.

    Raises:
        MissingExtraError: fsspec is not installed.
        TympanError: nothing knows this kind of address, or a package for it is missing.
    """
    require("scale", f"The address {address}")
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise TympanError(f"{address} needs another package ({error}).", "Install it on each machine.") from None
    except ValueError as error:
        raise TympanError(f"{address} is no address that fsspec knows ({error}).", "Examples: s3://bucket/talks, /shared/talks") from None
    return fs, str(path)


@contextmanager
def fetched(source: str) -> Iterator[Path]:
    """The recording as a local file; what an address leads to is copied for the time of the block.

    It is copied whole, because a network that fails in the middle of decoding would look like a recording that ends early.

    Raises:
        AudioError: there is nothing at this address.
        OSError: the network failed.
    """
    if not is_address(source):
        yield local_path(source)
        return
    fs, path = file_system(source)
    with tempfile.TemporaryDirectory(prefix="tympan-") as folder:
        local = Path(folder) / PurePosixPath(path).name
        try:
            fs.get_file(path, str(local))
        except FileNotFoundError:
            raise AudioError(f"{source}: no such file.", "Check the address.") from None
        yield local


class Folder(Protocol):
    """A folder that all machines see."""

    @property
    def text(self) -> str:
        """The address, or the absolute path."""

    def existing(self, names: Iterable[str]) -> set[str]:
        """Those of `names` that there are."""

    def read(self, name: str) -> bytes | None:
        """A small file; None if there is none."""

    def write_once(self, name: str, content: bytes, mark: str = "") -> bool:
        """Write a file under its final name, whole; False if there is one already. `mark` as in `tympan.files.write_once`."""

    def clear(self, mark: str) -> None:
        """Remove the temporary files with this mark, `.*.MARK*.tmp`: a job's own, and what killed workers left."""


def open_folder(text: str) -> Folder:
    """The folder at a path or address; nothing is made or looked at yet.

    Raises:
        TympanError: of the address, as `file_system` and `refuse_memory` do.
    """
    if not is_address(text):
        return LocalFolder(text)
    folder = RemoteFolder(text)
    refuse_memory(folder.fs, text)
    return folder


def refuse_memory(fs: Any, address: str) -> None:
    """TympanError for what only this process can see."""
    if "memory" in protocols(fs):
        raise TympanError(f"{address} lies in the memory of this process, which no worker sees.", "Give a folder or address that all see.")


class LocalFolder:
    """A folder on a disk, or a network's folder that is mounted."""

    def __init__(self, text: str) -> None:
        self.path = local_path(text).absolute()  # a worker has a folder of its own to count from
        self.text = str(self.path)

    def existing(self, names: Iterable[str]) -> set[str]:
        return {name for name in names if (self.path / name).exists()}

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write_once(self, name: str, content: bytes, mark: str = "") -> bool:
        return write_once(self.path / name, content, mark)

    def clear(self, mark: str) -> None:
        for leftover in self.path.rglob(f".*.{mark}*.tmp"):
            leftover.unlink(missing_ok=True)


class RemoteFolder:
    """A folder at an fsspec address."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fs, path = file_system(text)
        self.root = path.rstrip("/")

    def existing(self, names: Iterable[str]) -> set[str]:
        try:
            found = {str(path) for path in self.fs.find(self.root)}  # one listing, not a question for each name
        except FileNotFoundError:
            return set()
        return {name for name in names if f"{self.root}/{name}" in found}

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self.fs.cat_file(f"{self.root}/{name}"))
        except FileNotFoundError:
            return None

    def write_once(self, name: str, content: bytes, mark: str = "") -> bool:
        path = f"{self.root}/{name}"
        parent, _, last = path.rpartition("/")
        if self.fs.exists(path):
            return False
        self.fs.makedirs(parent, exist_ok=True)
        if protocols(self.fs) & WHOLE_AT_ONCE:
            try:
                self.fs.pipe_file(path, content, mode="create")  # S3 and Google's store then refuse a second one themselves
            except FileExistsError:
                return False
            return True
        temporary = f"{parent}/.{last}.{mark}{uuid.uuid4().hex}.tmp"
        self.fs.pipe_file(temporary, content)
        self.fs.mv(temporary, path)
        return True

    def clear(self, mark: str) -> None:
        for path in self.existing_temporaries(mark):
            self.fs.rm_file(path)

    def existing_temporaries(self, mark: str) -> list[str]:
        """Paths of files under temporary names."""
        try:
            return [path for path in self.fs.find(self.root) if f".{mark}" in path and path.endswith(".tmp")]
        except FileNotFoundError:
            return []


def protocols(fs: Any) -> set[str]:
    """The names by which fsspec knows a file system."""
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
