"""Any recording -> mono float32 samples in [-1, 1] at one rate: whole, in blocks, or cut at pauses."""

from __future__ import annotations

from tympan.audio.containers import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from tympan.audio.raw import AudioInfo, TruncatedAudioWarning
from tympan.audio.reading import AudioSource, blocks, info, read
from tympan.audio.segment import AudioSegment, segments, without_dead_tail
from tympan.audio.sources import opened, size_of, stamp

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioInfo",
    "AudioSegment",
    "AudioSource",
    "TruncatedAudioWarning",
    "VIDEO_SUFFIXES",
    "blocks",
    "info",
    "opened",
    "read",
    "segments",
    "size_of",
    "stamp",
    "without_dead_tail",
]
