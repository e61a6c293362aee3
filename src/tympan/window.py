"""A part of a file as if it were a file."""

from __future__ import annotations

import io
from pathlib import Path


class FileWindow(io.RawIOBase):
    """Bytes [offset, offset + length) of a file, for reading; nothing outside is reached.

    Args:
        path: of the file.
        offset, length: of the part; cut where the file ends.
    """

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self.file = open(path, "rb")  # noqa: SIM115 (closed with the window)
        self.offset = offset
        self.length = max(0, min(length, self.file.seek(0, io.SEEK_END) - offset))
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning")
        self.place = base + offset
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        size = max(0, min(len(buffer), self.length - self.place))
        self.file.seek(self.offset + self.place)
        data = self.file.read(size)
        buffer[: len(data)] = data
        self.place += len(data)
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()
