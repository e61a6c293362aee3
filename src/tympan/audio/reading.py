"""read, blocks and info: from any source to mono samples at one rate.

    source -> chunks (n, C) -> check -> mean over channels -> resample -> blocks -> read

Each step keeps one chunk and the resampler's short memory, so hours of audio need no more memory than seconds. `read` is the
blocks joined: the two cannot differ.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from tympan.audio.arrays import open_array
from tympan.audio.containers import HEAD_BYTES, describe_foreign, recognise
from tympan.audio.libav import av_installed, open_libav
from tympan.audio.libsndfile import open_libsndfile
from tympan.audio.raw import HIGHEST_RATE, LOWEST_RATE, AudioInfo, RawAudio
from tympan.audio.sources import check_path, opened
from tympan.errors import AudioError

Samples: TypeAlias = npt.NDArray[np.float32]
AudioSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | npt.NDArray[Any]"
"""What `read`, `blocks` and `info` take."""

_INTEGER_PEAK = 16.0
"""Float samples beyond 24 dB above full scale are integers that nobody divided; less is a hot mix, and is clipped."""


def read(source: AudioSource, sample_rate: int = 16000, *, source_rate: int | None = None) -> Samples:
    """Read a whole recording.

    Args:
        source: path, bytes, binary file object (read from its start, also a pipe), or array (N,) or (N, C): float in [-1, 1],
            int16, int32, or uint8 around 128.
        sample_rate: Hz of the result, 1,000 to 768,000.
        source_rate: Hz of an array; without it an array is taken to be at `sample_rate`. Files say their own rate.

    Returns:
        (N,) float32 in [-1, 1], the mean over the channels; values beyond are clipped.

    Raises:
        AudioError: missing, a folder, empty, not audio, damaged, without samples, with NaN or infinite samples.
        MissingExtraError: it needs the extra `media`, as AAC and video do.
        ShapeError: an array that is not (N,) or (N, C).

    Warns:
        TruncatedAudioWarning: the recording ends before its header says, or is damaged on the way. What comes before is
            given, because half a talk is worth having; who prepares data turns the warning into an error.

    >>> read(np.zeros((8000, 2), np.int16), source_rate=8000).shape
    (16000,)
    """
    return np.concatenate(list(blocks(source, sample_rate, source_rate=source_rate)))


def blocks(source: AudioSource, sample_rate: int = 16000, block_s: float = 10.0, *, source_rate: int | None = None) -> Iterator[Samples]:
    """Read a recording of any length in memory that does not grow with it.

    Arguments, errors and warnings as `read`; a missing file is told at once, the rest when it is met.

    Args:
        block_s: seconds of each block.

    Returns:
        (n,) float32 blocks, n = round(block_s * sample_rate), the last one shorter; at least one block.
    """
    _check_rate(sample_rate, "sample_rate")
    size = round(block_s * sample_rate) if np.isfinite(block_s) else 0
    if size < 1:
        raise AudioError(f"block_s must be a positive time of at least one sample, not {block_s}.")
    _check_source(source, source_rate)
    return _blocks(source, sample_rate, size, source_rate)


def info(source: AudioSource, *, source_rate: int | None = None) -> AudioInfo:
    """Say what the header of a recording says, without decoding it.

    Raises:
        AudioError, MissingExtraError: as `read`, where the header shows it.

    >>> info(np.zeros(8000, np.float32), source_rate=16000)
    AudioInfo(sample_rate=16000, channels=1, duration_s=0.5, format='array float32')
    """
    _check_source(source, source_rate)
    with _opened_raw(source, source_rate or 16000) as raw:
        return raw.info


def _check_rate(rate: int, what: str) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"{what} must be {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz, not {rate}.")


def _check_source(source: AudioSource, source_rate: int | None) -> None:
    if source_rate is not None:
        if not isinstance(source, np.ndarray):
            raise AudioError("source_rate belongs to arrays only: a file says its own rate.", "Leave it out.")
        _check_rate(source_rate, "source_rate")
    check_path(source)


@contextmanager
def _opened_raw(source: AudioSource, array_rate: int) -> Iterator[RawAudio]:
    if isinstance(source, np.ndarray):
        yield open_array(source, array_rate)
        return
    with opened(source) as (file, name):
        raw = _open_file(file, name)
        try:
            yield raw
        finally:
            raw.close()


def _open_file(file: BinaryIO, name: str) -> RawAudio:
    head = file.read(HEAD_BYTES)
    container = recognise(head)
    if container is not None and container.library == "av":
        return open_libav(file, name, container.name)
    try:
        return open_libsndfile(file, name)
    except AudioError as error:
        if container is None:
            hint = "Raw PCM has no header: give it as an array, np.frombuffer(data, np.int16), with source_rate."
            raise AudioError(f"{name} is not audio: {describe_foreign(head)}.", hint) from error
        if not av_installed():
            hint = "If it plays elsewhere, a reader of more codings may help: pip install 'tympan[media]'"
            raise AudioError(error.message, f"{error.hint} {hint}") from error
        try:
            return open_libav(file, name, container.name)
        except AudioError:
            raise error from None


def _blocks(source: AudioSource, sample_rate: int, size: int, source_rate: int | None) -> Iterator[Samples]:
    with _opened_raw(source, source_rate or sample_rate) as raw:
        mono = _resampled(_mixed(raw), raw.info.sample_rate, sample_rate)
        empty = True
        for block in _regrouped(mono, size):
            empty = False
            yield np.clip(block, -1.0, 1.0)
        if empty and 0 < (raw.info.duration_s or 0) < 2 / sample_rate:
            raise AudioError(f"{raw.name} is shorter than one sample at {sample_rate} Hz.", "Give a longer recording.")
        if empty:
            raise AudioError(f"{raw.name} holds no samples.", "The recording was stopped early, or its header was never finished.")


def _mixed(raw: RawAudio) -> Iterator[Samples]:
    """Check each chunk, then give its mean over the channels."""
    frames = 0
    for chunk in raw.chunks:
        if not np.isfinite(chunk).all():
            raise _not_finite(raw, chunk, frames)
        if chunk.size and np.abs(chunk).max() > _INTEGER_PEAK:
            peak = float(np.abs(chunk).max())
            raise AudioError(
                f"{raw.name} has float samples up to {peak:,.0f}, but full scale is 1.", "Divide integers by their range (int16: 32768)."
            )
        frames += len(chunk)
        yield chunk[:, 0] if chunk.shape[1] == 1 else chunk.mean(axis=1, dtype=np.float32)


def _not_finite(raw: RawAudio, chunk: npt.NDArray[np.float32], frames_before: int) -> AudioError:
    """Count to the end of the recording, so that the message can say whether one sample is bad or all are."""
    first = frames_before + int(np.flatnonzero(~np.isfinite(chunk).all(axis=1))[0])
    count = int((~np.isfinite(chunk)).sum()) + sum(int((~np.isfinite(later)).sum()) for later in raw.chunks)
    return AudioError(
        f"{raw.name} has {count:,} NaN or infinite samples, the first at {first / raw.info.sample_rate:.3f} s.",
        "Mend what wrote it; such samples would spoil everything around them.",
    )


def _resampled(chunks: Iterable[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    if from_rate == to_rate:
        yield from chunks
        return
    import soxr

    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    for chunk in chunks:
        yield stream.resample_chunk(np.ascontiguousarray(chunk))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _regrouped(chunks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """Chunks of any length -> blocks of `size` samples, the last one shorter but never empty; always copies."""
    waiting: list[Samples] = []
    count = 0
    for chunk in chunks:
        waiting.append(chunk)
        count += len(chunk)
        while count >= size:
            joined = np.concatenate(waiting)
            yield joined[:size]
            waiting = [joined[size:]]
            count -= size
    if count:
        yield np.concatenate(waiting)
