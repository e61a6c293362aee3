"""What every reader hands over: facts about a recording, and its samples in small chunks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tympan.errors import AudioError

CHUNK_FRAMES = 4096
"""Samples a channel that are decoded at once; fixed, so that results do not depend on how they are asked for."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hz. A header that claims 1 Hz would make 16,000 samples of each one that it has."""


class TruncatedAudioWarning(UserWarning):
    """A recording ends before its header says, or becomes unreadable on the way; what came before was given."""


@dataclass(frozen=True)
class AudioInfo:
    """What the header of a recording says; only reading it to the end shows whether that is true.

    Attributes:
        sample_rate: Hz, as stored.
        channels: 1 for mono.
        duration_s: seconds; None where the header does not tell (a stream written to a pipe).
        format: container and coding, e.g. "WAV PCM_16", "OGG OPUS", "MP4 AAC", "array float32".
    """

    sample_rate: int
    channels: int
    duration_s: float | None
    format: str


@dataclass(frozen=True, eq=False)
class RawAudio:
    """An open recording, before mixing and resampling.

    Attributes:
        name: how messages call it, the path where there is one.
        info: what its header says.
        chunks: (n, C) float32, n <= CHUNK_FRAMES where the reader can choose; consumed once.
        close: frees the decoder; the file beneath belongs to whoever opened it.
    """

    name: str
    info: AudioInfo
    chunks: Iterator[npt.NDArray[np.float32]]
    close: Callable[[], object]


def check_header(name: str, sample_rate: int, channels: int) -> None:
    """Refuse rates and channel counts that only a damaged or hostile header has."""
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE or channels < 1:
        raise AudioError(
            f"{name} has a damaged header: it claims {sample_rate} Hz and {channels} channels.",
            "Make or copy the file again from its origin.",
        )


def report_shortfall(name: str, got_s: float, promised_s: float | None, reason: str, tolerance_s: float) -> None:
    """Warn if a recording gave less than it promised, or stopped for a reason.

    Raises:
        AudioError: nothing at all came before it stopped.
    """
    short = promised_s is not None and promised_s - got_s > tolerance_s
    if not reason and not short:
        return
    promise = f" of {promised_s:,.1f} s" if short else ""
    because = f" ({reason})" if reason else ""
    if got_s == 0:
        raise AudioError(
            f"{name} is damaged or cut off: no sample can be decoded{because}.", "Make or copy the file again from its origin."
        )
    warnings.warn(f"{name} ends early{because}: only its first {got_s:,.1f} s{promise} can be read.", TruncatedAudioWarning, stacklevel=2)
