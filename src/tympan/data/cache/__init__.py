"""Recordings that need not be decoded again.

A cache is made of `Content` (samples, features, or lengths alone) in shards of about a hundred recordings. `CachePlan` tells how
much room the missing ones take and makes them; `AudioCache` and `FeatureCache` map them into memory, `UncachedAudio` decodes anew.
"""

from __future__ import annotations

from tympan.data.cache.building import CachePlan, Made, plan_cache, spoken_bytes
from tympan.data.cache.contents import Content, FrameFeatures, Kept, Lengths, Waveform
from tympan.data.cache.reading import AudioCache, FeatureCache, Sounds, UncachedAudio, cache_audio, open_uncached

__all__ = [
    "AudioCache",
    "CachePlan",
    "Content",
    "FeatureCache",
    "FrameFeatures",
    "Kept",
    "Lengths",
    "Made",
    "Sounds",
    "UncachedAudio",
    "Waveform",
    "cache_audio",
    "open_uncached",
    "plan_cache",
    "spoken_bytes",
]
