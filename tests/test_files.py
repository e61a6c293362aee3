"""No interruption loses or halves a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tympan.files import atomic_path, write_atomically


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
