"""Samples from a pipe, as they come: raw PCM, or a WAV file whose end nobody knows yet.

Only the head of a WAV file is looked at; the data that follow are read to the end of the pipe, whatever length the head gives, for a
program that writes to a pipe cannot know it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tympan.audio.raw import HIGHEST_RATE, LOWEST_RATE
from tympan.errors import AudioError

Array = npt.NDArray[np.float32]
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MOST_HEAD = 1 << 16
KINDS = {(PCM, 16): ("<i2", 32768.0), (PCM, 32): ("<i4", 2147483648.0), (FLOAT, 32): ("<f4", 1.0)}


@dataclass(frozen=True)
class PipedFormat:
    """How samples lie in the pipe.

    Attributes:
        sample_rate: Hz.
        channels: interleaved.
        kind, bits: PCM or FLOAT, of a sample.
    """

    sample_rate: int
    channels: int = 1
    kind: int = PCM
    bits: int = 16

    def __post_init__(self) -> None:
        if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE or not 1 <= self.channels <= 64:
            raise AudioError(f"The pipe says {self.sample_rate} Hz and {self.channels} channels, which cannot be.")
        if (self.kind, self.bits) not in KINDS:
            raise AudioError(
                f"The pipe holds samples of {self.bits} bits and kind {self.kind}.", "Give PCM of 16 bits: ffmpeg ... -f s16le -"
            )


def piped(read: Callable[[int], bytes], raw: PipedFormat) -> Iterator[tuple[int, Array]]:
    """Packets of a pipe, each as soon as it is there.

    Args:
        read: gives up to that many bytes as soon as there are some, none at the end.
        raw: the format if there is no WAV head.

    Yields:
        Sample rate and samples (n,), the mean over the channels.

    Raises:
        AudioError: a WAV head that is damaged, or of a coding that is not PCM; or another container; or NaN or infinite samples.
    """
    head = b""
    while len(head) < 12 and (more := read(12 - len(head))):
        head += more
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        form, rest = wav_format(read), b""
    elif head[:4] in (b"OggS", b"fLaC", b"\x1aE\xdf\xa3") or head[:3] == b"ID3" or head[4:8] == b"ftyp":
        raise AudioError(
            "The pipe holds a compressed container, not samples.", "Unpack it on the way: ffmpeg -i - -f s16le -ar 16000 -ac 1 -"
        )
    else:
        form, rest = raw, head
    dtype, scale = KINDS[form.kind, form.bits]
    size = np.dtype(dtype).itemsize * form.channels
    packet = max(1, form.sample_rate // 20) * size  # 50 ms at most
    while True:
        whole = len(rest) // size * size
        if whole:
            stored = np.frombuffer(rest[:whole], dtype)
            if form.kind == FLOAT and not np.isfinite(stored).all():  # arithmetic on a signalling NaN would warn
                raise AudioError("The pipe holds NaN or infinite samples.", "Mend the program that writes it.")
            samples = (stored.astype(np.float32) / scale).reshape(-1, form.channels)
            yield form.sample_rate, samples.mean(axis=1, dtype=np.float64).astype(np.float32)  # whose sum stays finite
        rest = rest[whole:]
        more = read(packet)
        if not more:
            return
        rest += more


def wav_format(read: Callable[[int], bytes]) -> PipedFormat:
    """The chunks before the data."""

    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count and (more := read(count - len(data))):
            data += more
        if len(data) < count:
            raise AudioError("The pipe ends within the head of a WAV file.", "Did the program that writes it fail?")
        return data

    form: PipedFormat | None = None
    seen = 0
    while seen < MOST_HEAD:
        name, length = struct.unpack("<4sI", exactly(8))
        seen += 8 + length
        if name == b"data":
            if form is None:
                raise AudioError("The WAV file in the pipe has data before it says their format.")
            return form
        if seen > MOST_HEAD:
            break
        content = exactly(length + length % 2)
        if name == b"fmt " and length >= 16:
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
            kind = struct.unpack("<H", content[24:26])[0] if kind == EXTENSIBLE and length >= 26 else kind
            form = PipedFormat(rate, channels, kind, bits)
    raise AudioError("The WAV file in the pipe has a head without end.")
