"""A part of a file as a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tympan.window import FileWindow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    return path


def test_window_reads_its_part_and_nothing_beyond(path: Path) -> None:
    with FileWindow(path, 10, 20) as window:
        assert window.read() == bytes(range(10, 30))
        assert window.read(5) == b""
        assert window.seek(-3, io.SEEK_END) == 17
        assert window.read(50) == bytes(range(27, 30))


def test_window_ends_with_the_file(path: Path) -> None:
    with FileWindow(path, 90, 10**12) as window:
        assert window.length == 10
        assert window.read() == bytes(range(90, 100))
    with FileWindow(path, 200, 5) as window:
        assert window.read() == b""


def test_places_before_the_beginning_are_refused(path: Path) -> None:
    with FileWindow(path, 10, 20) as window, pytest.raises(OSError, match="before the beginning"):
        window.seek(-1)
