"""WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF and more through soundfile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tympan.audio.containers import ogg_is_cut, wav_claimed_bytes
from tympan.audio.raw import CHUNK_FRAMES, AudioInfo, RawAudio, check_header, report_shortfall
from tympan.errors import AudioError

_UNKNOWN_FRAMES = 2**62  # libsndfile gives 2**63 - 1 where the header has no length
_TOLERANCE_S = 0.1  # MP3 headers count whole frames of up to 36 ms, and the padding at both ends
_SAMPLE_BYTES = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}


class _Nameless:
    """Only what soundfile calls; with a `name` it would take "talk.raw" for headerless audio, whatever is in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell
        if hasattr(file, "readinto"):
            self.readinto = file.readinto

    def seek(self, offset: int, whence: int = 0) -> int:
        # A damaged header sends libsndfile before the start; it tells by the position that the seek failed, as in C.
        with contextlib.suppress(ValueError, OSError):
            self._file.seek(offset, whence)
        return self._file.tell()


def _open_forward(file: BinaryIO) -> Any:
    """Open for reading from front to back.

    soundfile seeks after each read of a seekable file, to where it already is. That fails on a FLAC without a length (what
    encoders write to a pipe), so ours says that it cannot seek.
    """
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            return False

    return Forward(_Nameless(file))


def open_libsndfile(file: BinaryIO, name: str) -> RawAudio:
    """Open a recording with libsndfile.

    Raises:
        AudioError: libsndfile cannot read it; the message says why in libsndfile's words.
    """
    import soundfile

    claimed_bytes = wav_claimed_bytes(file)
    file.seek(0)
    try:
        sound = _open_forward(file)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        raise AudioError(
            f"{name} has a damaged or cut off header, or a coding that cannot be read ({reason}).",
            "Make or copy the file again from its origin.",
        ) from error
    check_header(name, sound.samplerate, sound.channels)
    duration_s = sound.frames / sound.samplerate if sound.frames < _UNKNOWN_FRAMES else None
    promised_s = duration_s
    if claimed_bytes is not None and sound.subtype in _SAMPLE_BYTES:
        # libsndfile quietly lowers the length to what the file can hold.
        promised_s = claimed_bytes / (_SAMPLE_BYTES[sound.subtype] * sound.channels * sound.samplerate)
    details = AudioInfo(sound.samplerate, sound.channels, duration_s, f"{sound.format} {sound.subtype}")
    return RawAudio(name, details, _chunks(sound, file, name, promised_s), sound.close)


def _chunks(sound: Any, file: BinaryIO, name: str, promised_s: float | None) -> Iterator[npt.NDArray[np.float32]]:
    import soundfile

    frames = 0
    reason = ""
    while True:
        try:
            chunk = sound.read(CHUNK_FRAMES, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".")
            break
        if not len(chunk):
            break
        frames += len(chunk)
        yield chunk
    if not reason and sound.format == "OGG" and ogg_is_cut(file):
        reason = "its last Ogg page is missing"
    report_shortfall(name, frames / sound.samplerate, promised_s, reason, _TOLERANCE_S)
