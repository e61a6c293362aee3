"""AAC, MP4, WebM, video and more through PyAV, which brings FFmpeg's libraries in its wheel (extra `media`)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tympan.audio.raw import AudioInfo, RawAudio, check_header, report_shortfall
from tympan.errors import AudioError, MissingExtraError

_TOLERANCE_S = 0.5  # an MP4's edit list may count the encoder's priming (2,112 samples) and a last frame that is not full


def av_installed() -> bool:
    """Whether PyAV can be imported."""
    try:
        importlib.import_module("av")
    except ImportError:
        return False
    return True


def open_libav(file: BinaryIO, name: str, kind: str) -> RawAudio:
    """Open the first audio track of a recording or a film.

    Args:
        file: seekable; FFmpeg gets this object, never a path, so it opens nothing else.
        name: for messages.
        kind: the container's name, for messages.

    Raises:
        MissingExtraError: PyAV is not installed.
        AudioError: damaged, or without an audio track.
    """
    try:
        av: Any = importlib.import_module("av")
    except ImportError as error:
        raise MissingExtraError(f"{name} is {kind}, which", "media") from error
    file.seek(0)
    try:
        container = av.open(file, mode="r", metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise AudioError(
            f"{name} is {kind}, but damaged or cut off: {error.strerror}.", "Make or copy the file again from its origin."
        ) from error
    if not container.streams.audio:
        container.close()
        raise AudioError(f"{name} ({kind}) has no audio track.", "Check that it was recorded with sound.")
    stream = container.streams.audio[0]
    codec = stream.codec_context
    if codec is None:
        container.close()
        raise AudioError(f"{name} ({kind}) has its sound in a coding that PyAV cannot decode.", "Convert it to FLAC or WAV.")
    check_header(name, codec.sample_rate, codec.channels)
    duration_s = _duration_s(container, stream)
    is_mp4 = "mp4" in container.format.name
    details = AudioInfo(codec.sample_rate, codec.channels, duration_s, f"{'MP4' if is_mp4 else kind} {codec.name}")
    promised_s = duration_s if is_mp4 else None  # only MP4 counts its samples; elsewhere it is an estimate from the bit rate
    return RawAudio(name, details, _chunks(av, container, stream, name, promised_s), container.close)


def _duration_s(container: Any, stream: Any) -> float | None:
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1e6  # AV_TIME_BASE: microseconds


def _chunks(av: Any, container: Any, stream: Any, name: str, promised_s: float | None) -> Iterator[npt.NDArray[np.float32]]:
    codec = stream.codec_context
    rate, channels, layout = codec.sample_rate, codec.channels, codec.layout.name
    frames = 0
    reason = ""
    resampler, made_for = None, None
    try:
        for frame in container.decode(stream):
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind != made_for:  # a broadcast may change within; soxr after us needs one rate
                resampler, made_for = av.AudioResampler(format="flt", layout=layout, rate=rate), kind
            for packed in resampler.resample(frame):  # type: ignore[union-attr]
                # Not planar: PyAV 18.1 reads past its list of planes when a damaged header claims many channels, and crashes.
                chunk = packed.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False)  # (1, n * C) -> (n, C)
                frames += len(chunk)
                yield chunk
    except av.error.FFmpegError as error:
        reason = str(error.strerror)
    except IndexError:  # what PyAV 18.1 raises when a damaged packet seems to begin another track
        reason = "its tracks change on the way"
    report_shortfall(name, frames / rate, promised_s, reason, _TOLERANCE_S)
