"""What the C library keeps of the memory that streams gave back."""

from __future__ import annotations

import ctypes
import os
import platform

# Of malloc.h; mallopt(3).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 128 * 1024  # 32 KiB would cost a tenth of a core, for pages that are fetched again and again
SPARE_BYTES = 512 * 1024
ARENAS = 2


def return_memory() -> bool:
    """Let glibc's malloc give back what is freed; call it before threads begin.

    Streams of many lengths come and go, and each leaves gaps in the heaps that the next one does not fit: in ten minutes a server's memory
    grew by 6 to 9 %, with no more in use than at first. With few heaps, and large blocks in mappings of their own, which end when they are
    freed, it is 2 %.

    Returns:
        Whether it was done: not with another C library, nor where the environment sets malloc itself (MALLOC_ARENA_MAX and the like).
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, SPARE_BYTES))
    return [mallopt(name, value) for name, value in settings] == [1, 1, 1]
