"""What kind of file is it? Told by its first bytes, never by its name alone.

libsndfile reads WAV, FLAC, Ogg (Vorbis, Opus) and MP3; video, AAC and the like need PyAV. Only files that are recognised here
are ever given to PyAV: text is not, because FFmpeg takes some text files for playlists and opens what they name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO, Literal

_AUDIO = "aac aif aiff au flac m4a mka mp3 mp4 oga ogg opus sph wav webm wma"
_VIDEO = "avi flv m4v mkv mov mpeg mpg wmv"
AUDIO_SUFFIXES = frozenset(f".{name}" for name in _AUDIO.split(" "))
VIDEO_SUFFIXES = frozenset(f".{name}" for name in _VIDEO.split(" "))
"""What recordings are usually called: for finding them in folders, never for opening one."""

HEAD_BYTES = 4096
_OGG_PAGE_BYTES = 65_307  # the longest page: header 27 + 255 lacing values + 255 * 255
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # what writers to a pipe put where the size should be


@dataclass(frozen=True)
class Container:
    """A recognised kind of file.

    Attributes:
        name: for messages, e.g. "AAC", "WebM".
        library: which library reads it first.
    """

    name: str
    library: Literal["sndfile", "av"]


_SNDFILE = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b"RF64": "WAV", b"FORM": "AIFF", b".snd": "AU", b"caff": "CAF"}
_AV = {
    b"\x1a\x45\xdf\xa3": "Matroska",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "WMA or WMV",
    b"FLV": "Flash video",
    b"#!AMR": "AMR",
    b"ADIF": "AAC",
    b"MAC ": "Monkey's Audio",
    b"wvpk": "WavPack",
    b"TTA1": "True Audio",
    b"DSD ": "DSD",
    b"MPCK": "Musepack",
    b"\x00\x00\x01\xba": "MPEG video",
}
_FOREIGN = {
    b"version https://git-lfs": "a Git LFS pointer; the recording itself was not fetched (git lfs pull)",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"\x93NUMPY": "a numpy array; load it and give the array",
}


def recognise(head: bytes) -> Container | None:
    """Tell the container by its first HEAD_BYTES bytes; None if it is none that is known to hold sound."""
    if head[:4] == b"RIFF":
        return Container("AVI", "av") if head[8:12] == b"AVI " else Container("WAV", "sndfile")
    if head[4:8] == b"ftyp":
        return Container(_mp4_name(head), "av")
    for magic, name in _SNDFILE.items():
        if head.startswith(magic):
            return Container(name, "sndfile")
    for magic, name in _AV.items():
        if head.startswith(magic):
            return Container("WebM" if b"webm" in head[:64] else name, "av")
    if len(head) > 188 and head[0] == head[188] == 0x47:
        return Container("MPEG transport stream", "av")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # sync word with layer 0: ADTS
        return Container("AAC", "av")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 in (2, 4):  # layers III and II
        return Container("MP3", "sndfile")
    return None


def _mp4_name(head: bytes) -> str:
    brand = head[8:12]
    if b"alac" in head:
        return "Apple Lossless (MP4)"
    if brand[:3] in (b"M4A", b"M4B"):
        return "AAC"
    return "QuickTime" if brand == b"qt  " else "MP4"


def describe_foreign(head: bytes) -> str:
    """Say in a few words what a file is that is not audio."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            return f"it is {what}"
    if not any(head):
        return "it holds only zero bytes"
    text = head.decode("utf-8", errors="replace").rstrip("\ufffd")  # the cut may fall inside a sign
    if re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE):
        return "it is an HTML page, as a failed download leaves"
    if "\ufffd" not in text and not re.search(r"[\x00-\x08\x0e-\x1a]", text):
        return f'it is text that begins with "{" ".join(text.split())[:30]}"'
    return "its first bytes belong to no sound format that is known here"


def wav_claimed_bytes(file: BinaryIO) -> int | None:
    """The size that the data chunk of a RIFF WAV claims, in bytes; None if there is no such claim.

    Leaves the file's position where the last chunk header ended.
    """
    file.seek(0)
    if file.read(4) != b"RIFF":
        return None
    file.seek(12)
    for _ in range(1000):  # more chunks than any real file has; a bound against a crafted one
        header = file.read(8)
        if len(header) < 8:
            return None
        size = int.from_bytes(header[4:], "little")
        if header[:4] == b"data":
            return None if size in _UNKNOWN_SIZES else size
        file.seek(size + size % 2, 1)
    return None


def ogg_is_cut(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file lacks the end-of-stream flag (RFC 3533, section 6): Ogg has no length in its header."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _OGG_PAGE_BYTES))
    tail = file.read(_OGG_PAGE_BYTES)
    last = tail.rfind(b"OggS")
    return last < 0 or len(tail) < last + 6 or not tail[last + 5] & 0x04
