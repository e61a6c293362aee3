"""tympan.serve.allocator."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# Blocks of 200 KB with something small that stays between each two, all freed: as chunks of streams leave their gaps.
GAPS = """
import sys
from pathlib import Path
import numpy as np
from tympan.serve.allocator import return_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

done = return_memory() if sys.argv[1] == "return" else False
before = resident()
np.ones(2_000_000, np.float32)  # after which glibc, left to itself, takes also large blocks from the heap
blocks, small = [], []
for _ in range(200):
    blocks.append(np.ones(50_000, np.float32))
    small.append(np.ones(5_000, np.float32))
held = resident() - before
blocks.clear()
print(done, held, resident() - before)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


def run(how: str, **environment: str) -> tuple[bool, int, int]:
    """Whether it was done; bytes held with all blocks, and after they were freed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    out = subprocess.run([sys.executable, "-c", GAPS, how], env=clean | environment, capture_output=True, text=True, check=True).stdout
    done, held, left = out.split()
    return done == "True", int(held), int(left)


@glibc
def test_gaps_between_what_stays_are_given_back() -> None:
    done, held, left = run("return")
    assert done and held > 38e6
    assert left < 0.2 * held
    _, _, left_without = run("leave")
    assert left_without > 0.8 * held  # else there is nothing to do here


@glibc
def test_the_environment_decides_if_it_says_anything() -> None:
    assert not run("return", MALLOC_ARENA_MAX="4")[0]
