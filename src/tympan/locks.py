"""Locks on files: who trains in this folder, and is that process still alive?

The system gives a lock back when its holder's process ends, however it ends; the name of a killed holder stays in the file. Locks
reach from machine to machine where the file system passes them on (NFS from version 4 does).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOLDER_BYTES = 1000


class FileLock:
    """A lock and the name of its holder.

        lock = FileLock(path)
        if lock.acquire("process 4711"): ...; lock.release()

    Args:
        path: of the lock's own file; it is made, and stays when the lock is given back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None

    def acquire(self, holder: str = "", *, wait: bool = False) -> bool:
        """Take the lock and write `holder` into the file; False if another has it and `wait` is not set.

        Raises:
            OSError: the file cannot be made, or this file system has no locks.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(descriptor, wait=wait):
                os.close(descriptor)
                return False
            os.ftruncate(descriptor, 0)
            os.write(descriptor, holder.encode()[:HOLDER_BYTES])
        except OSError:
            os.close(descriptor)
            raise
        self.descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back and take the name away; nothing happens if it is not held."""
        if self.descriptor is not None:
            os.ftruncate(self.descriptor, 0)
            os.close(self.descriptor)
            self.descriptor = None


def killed_holder(path: Path) -> str:
    """The name of a holder that ended without giving the lock back; empty if the lock is held, or was given back, or never taken."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if holder_of(path) is None else ""
    except OSError:
        return ""


def holder_of(path: Path) -> str | None:
    """What the holder of a lock wrote into its file; None if nobody holds it. Looking keeps nobody from taking it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        free = _lock(descriptor, wait=False, shared=True)
        return None if free else os.read(descriptor, HOLDER_BYTES).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 30  # a byte that is locked cannot be read, so one far behind the text stands for the file

    def _lock(descriptor: int, *, wait: bool, shared: bool = False) -> bool:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
                continue  # LK_LOCK gives up after ten seconds
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
            return True

else:
    import fcntl

    def _lock(descriptor: int, *, wait: bool, shared: bool = False) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
