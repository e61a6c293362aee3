"""Locks that the system takes back, and the names of those who held them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tympan.locks import FileLock, holder_of, killed_holder

HOLD = """
import sys, time
from pathlib import Path
from tympan.locks import FileLock
assert FileLock(Path(sys.argv[1])).acquire("the other process")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "0.lock"


def test_lock_is_held_by_one_at_a_time_and_told_by_name(path: Path) -> None:
    assert holder_of(path) is None and killed_holder(path) == ""
    first, second = FileLock(path), FileLock(path)
    assert first.acquire("first")
    assert not second.acquire("second")
    assert holder_of(path) == "first" and killed_holder(path) == ""
    first.release()
    first.release()
    assert holder_of(path) is None and killed_holder(path) == ""
    assert second.acquire("second") and holder_of(path) == "second"
    second.release()


def test_looking_takes_the_lock_from_nobody(path: Path) -> None:
    lock = FileLock(path)
    assert lock.acquire()
    assert holder_of(path) == "" and holder_of(path) == ""
    lock.release()
    assert FileLock(path).acquire()


def test_name_of_a_killed_holder_stays(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert holder_of(path) == "the other process"
        assert not FileLock(path).acquire()
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        process.wait()
    assert holder_of(path) is None and killed_holder(path) == "the other process"
    lock = FileLock(path)
    assert lock.acquire("next") and holder_of(path) == "next"
    lock.release()
