"""Features as a picture in PNG, written by hand: a page must be made without any library for drawing."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

MOST_COLUMNS = 1200  # of the picture; more frames are averaged
# every sixteenth colour of viridis (CC0, Smith, van der Walt and Firing 2015), red, green, blue; those between are blended
VIRIDIS = "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725"


def picture(features: npt.NDArray[np.float32], limits: tuple[float, float]) -> bytes:
    """Draw (T, F) as PNG, T wide (at most MOST_COLUMNS) and F high, the first column at the bottom; nothing gives one dot.

    Args:
        features: finite.
        limits: the values of the first and the last colour, the first below the second.
    """
    if features.size == 0:
        features = np.zeros((1, 1), np.float32)
    low, high = limits
    scaled = (narrowed(features) - low) / (high - low)
    return png(np.clip(np.rint(255 * scaled), 0, 255).astype(np.uint8).T[::-1])


def narrowed(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means over neighbouring frames, so that there are at most MOST_COLUMNS."""
    step = -(-len(features) // MOST_COLUMNS)
    starts = np.arange(0, len(features), step)
    counts = np.diff(np.append(starts, len(features)))[:, None]
    return np.asarray(np.add.reduceat(features, starts, axis=0) / counts, dtype=np.float32)


def palette() -> npt.NDArray[np.uint8]:
    """(256, 3) colours from dark to bright."""
    colours = np.array([list(bytes.fromhex(colour)) for colour in VIRIDIS.split()])
    places = np.linspace(0, 255, len(colours))
    channels = [np.interp(np.arange(256), places, colours[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=1)), dtype=np.uint8)


def png(levels: npt.NDArray[np.uint8]) -> bytes:
    """(H, W) numbers of colours as a PNG file with a palette (ISO/IEC 15948)."""
    height, width = levels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, palette, no interlacing
    lines = np.pad(levels, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter, 0 for none
    parts = ((b"IHDR", header), (b"PLTE", palette().tobytes()), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One part of a PNG file: length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
