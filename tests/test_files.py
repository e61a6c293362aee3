"""No interruption loses or halves a file."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tympan.files import atomic_path, write_atomically, write_once


@pytest.mark.parametrize("content", [b"", b"new", bytes(100_000)])
def test_content_is_written_into_a_folder_that_is_made(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    write_atomically(path, content)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def write_half(path: Path, error: type[BaseException]) -> None:
    """Begin to write `path` and be interrupted."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half of the n")
        assert temporary.exists()
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_old_file_survives_an_interruption(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (ours, without a text)
        write_half(tmp_path / "file", ValueError)
    assert list(tmp_path.iterdir()) == []


def test_old_file_stays_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == path.parent  # a rename is atomic only within one file system
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_rename_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_synced_before_the_rename_and_the_folder_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def record_sync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if os.path.samestat(status, tmp_path.stat()):
            steps.append("folder")
        else:
            os.write(descriptor, b"")  # Windows syncs only what is open for writing; elsewhere this fails in its place
            steps.append(f"{status.st_size} bytes")
        sync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "replace", record_replace)
    write_atomically(path, b"new")
    assert steps == ["3 bytes", "rename", "folder"]


def test_of_several_writers_of_one_name_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file"
    contents = [f"writer {number}".encode() * 1000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as pool:
        wrote = list(pool.map(lambda content: write_once(path, content), contents))
    assert wrote.count(True) == 1
    assert path.read_bytes() == contents[wrote.index(True)]
    assert list(path.parent.iterdir()) == [path]


def test_without_links_a_name_is_still_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("this file system has no links")

    monkeypatch.setattr(os, "link", refuse)
    assert write_once(tmp_path / "file", b"first")
    assert not write_once(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
