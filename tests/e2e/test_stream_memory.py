"""What streams need of memory: no more after an hour than after minutes, and nothing once they are gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux' /proc"),
]
HEAD = """
import re, sys
from pathlib import Path
sys.path.insert(0, "tests")
from streams import RATE, recognizer_of, said
from tympan.streaming import PieceStream, StreamOptions

def kib(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

folder, way, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
recognizer = recognizer_of(folder, chunked=way == "chunks", scorer=way != "greedy")
begin = lambda: PieceStream(recognizer, StreamOptions(), keep=False) if way == "pieces" else recognizer.stream(keep=False)
"""
ENDLESS = """
stream, turn = begin(), said("bad cab fed", 0.3, "a egg", 1.0, "bag bad", 3.0)
while stream.seconds < count * 60:
    for at in range(0, len(turn), RATE // 10):
        stream.accept(turn[at : at + RATE // 10], RATE)
    stream.partial(), stream.finals()
print(kib("VmHWM"))
"""
MANY = """
turn = said("bad cab")
def run(count):
    for index in range(count):
        stream = begin()
        stream.accept(turn, RATE)
        stream.partial()
        if index % 2:  # the other half is left as it is
            stream.finish()
run(count // 10)
before = kib("VmRSS")
run(count)
print(before, kib("VmRSS"))
"""
WAYS = ("chunks", "windows", "greedy", "pieces")


def printed(program: str, folder: Path, way: str, count: int) -> list[int]:
    """What a process of its own says; peaks of this one are not ours."""
    command = [sys.executable, "-c", HEAD + program, str(folder), way, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


@pytest.mark.parametrize("way", WAYS)
def test_an_hour_of_a_stream_takes_the_memory_of_five_minutes(way: str, tmp_path: Path) -> None:
    (short,), (long,) = (printed(ENDLESS, tmp_path, way, minutes) for minutes in (5, 60))
    assert long < 1.1 * short


@pytest.mark.parametrize("way", WAYS)
def test_10000_streams_that_were_opened_and_freed_leave_no_memory(way: str, tmp_path: Path) -> None:
    before, after = printed(MANY, tmp_path, way, 10_000)
    assert after < 1.02 * before, (before, after)
