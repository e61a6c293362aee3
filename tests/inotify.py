"""How often each file of a folder came to be, told by Linux itself: a look at the folder would miss one that was replaced."""

from __future__ import annotations

import ctypes
import os
import struct
from collections import Counter
from pathlib import Path

IN_CREATE, IN_MOVED_TO, IN_CLOSE_WRITE = 0x100, 0x80, 0x8
IN_NONBLOCK = os.O_NONBLOCK if hasattr(os, "O_NONBLOCK") else 0
EVENT = struct.Struct("iIII")


class Watch:
    """Counts from its making on, for a folder without those below it."""

    def __init__(self, folder: Path) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(IN_NONBLOCK)
        assert self.descriptor >= 0, os.strerror(ctypes.get_errno())
        added = self.libc.inotify_add_watch(self.descriptor, str(folder).encode(), IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE)
        assert added >= 0, os.strerror(ctypes.get_errno())

    def counts(self) -> Counter[str]:
        """Name -> how often it came to be (made, linked, or renamed to) or was written under that name; ends the watch."""
        found: Counter[str] = Counter()
        while True:
            try:
                content = os.read(self.descriptor, 1 << 16)
            except BlockingIOError:
                break
            place = 0
            while place < len(content):
                _, _, _, length = EVENT.unpack_from(content, place)
                name = content[place + EVENT.size : place + EVENT.size + length].rstrip(b"\0").decode()
                found[name] += 1
                place += EVENT.size + length
        os.close(self.descriptor)
        return found
