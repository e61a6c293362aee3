"""Codecs: the utterance is encoded and decoded again by libsndfile, in memory.

Delays: Ogg keeps the place of the first sample itself. MP3 does where the first frame has room for LAME's tag; at low rates it has
none, and the decoder gives 576 + 529 samples of encoder and decoder delay first (LAME's technical FAQ), which are cut off here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from tympan.data.augment.recordings import Samples
from tympan.data.augment.scene import Scene
from tympan.data.augment.section import Probability, Range, Section, between, not_empty
from tympan.errors import RecipeError

Name = Literal["opus", "vorbis", "mp3", "mu-law", "a-law"]


@dataclass(frozen=True)
class Coding:
    """How libsndfile calls a codec, and the sample rates that it knows; none for any."""

    format: str
    subtype: str
    rates: tuple[int, ...] = ()


CODINGS: dict[str, Coding] = {
    "opus": Coding("OGG", "OPUS", (8000, 12000, 16000, 24000, 48000)),
    "vorbis": Coding("OGG", "VORBIS"),
    "mp3": Coding("MP3", "MPEG_LAYER_III", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    "mu-law": Coding("WAV", "ULAW"),
    "a-law": Coding("WAV", "ALAW"),
}
MP3_DELAY = 1105  # samples, see above; then the decoder gives at least as many too many, otherwise none
# libsndfile maps a level of 0 to 1 to these, in kbit/s of one channel: src/ogg_opus.c, src/mpeg_l3_encode.c
OPUS_KBPS = (6.0, 256.0)
MP3_KBPS = {32000: (32.0, 320.0), 16000: (8.0, 160.0), 0: (8.0, 64.0)}  # from this sample rate on: MPEG 1, 2, 2.5
HIGHEST_LEVEL = 0.95  # at 1, it refuses MP3


class Codec(Section):
    """One of `codecs`; the other keys are for the one in their name. mu-law and a-law are 8 bits a sample (ITU-T G.711)."""

    probability: Probability = 0.1
    codecs: Annotated[tuple[Name, ...], AfterValidator(not_empty)] = ("opus", "vorbis", "mp3", "mu-law", "a-law")
    opus_kbps: Annotated[Range, between(*OPUS_KBPS)] = (8.0, 48.0)
    mp3_kbps: Annotated[Range, between(16, 320)] = (16.0, 64.0)
    vorbis_quality: Annotated[Range, between(0, 1)] = (0.0, 0.5)

    def change(self, samples: Samples, rng: np.random.Generator, scene: Scene) -> tuple[Samples, str]:
        """(N,) -> (N,)."""
        name = self.codecs[int(rng.integers(len(self.codecs)))]
        ends = {"opus": self.opus_kbps, "mp3": self.mp3_kbps, "vorbis": self.vorbis_quality}.get(name, (0.0, 0.0))
        rate = float(rng.uniform(*ends))
        words = {"opus": f" {rate:.0f} kbit/s", "mp3": f" {rate:.0f} kbit/s", "vorbis": f" quality {rate:.1f}"}
        return through_codec(samples, scene.sample_rate, name, rate), name + words.get(name, "")


def check_codecs(names: Sequence[Name]) -> None:
    """RecipeError if the libsndfile that is installed cannot write one of these."""
    import soundfile

    for name in names:
        if CODINGS[name].subtype not in soundfile.available_subtypes(CODINGS[name].format):
            version = soundfile.__libsndfile_version__
            raise RecipeError(f"augment.codec.codecs: libsndfile {version} writes no {name}.", "Leave it out, or update soundfile.")


def through_codec(samples: Samples, sample_rate: int, name: str, rate: float = 0.0) -> Samples:
    """Encode and decode (N,) samples; length and places stay, what is beyond full scale is clipped.

    Args:
        samples: (N,), N may be 0.
        sample_rate: Hz; where the codec does not know it, the next higher one that it knows is used on the way.
        name: a key of CODINGS.
        rate: kbit/s for opus and mp3, brought to what the codec has; quality 0 to 1 for vorbis; no effect on the others.
    """
    import soxr

    if not len(samples):
        return samples
    coding = CODINGS[name]
    at = min((known for known in coding.rates if known >= sample_rate), default=max(coding.rates, default=sample_rate))
    sound = np.clip(samples, -1, 1)
    if coding.rates and at != sample_rate:
        sound = soxr.resample(sound, sample_rate, at)
    else:
        at = sample_rate
    decoded = encode_and_decode(sound, at, coding, compression_level(name, at, rate))
    return fitted(decoded if at == sample_rate else soxr.resample(decoded, at, sample_rate), len(samples))


def compression_level(name: str, sample_rate: int, rate: float) -> float | None:
    """libsndfile's number from 0, the best, to 1 for a rate or quality; None for a codec without choice."""
    if name == "vorbis":
        return 1 - rate
    if name == "opus":
        low, high = OPUS_KBPS
    elif name == "mp3":
        low, high = next(ends for least, ends in MP3_KBPS.items() if sample_rate >= least)
    else:
        return None
    return float(np.clip((high - rate) / (high - low), 0, HIGHEST_LEVEL if name == "mp3" else 1))


def encode_and_decode(samples: Samples, sample_rate: int, coding: Coding, level: float | None) -> Samples:
    """(N,) -> N or more samples, the first of which belongs to the first."""
    import soundfile

    file = io.BytesIO()
    mode = "CONSTANT" if coding.format == "MP3" else None
    soundfile.write(file, samples, sample_rate, coding.subtype, format=coding.format, compression_level=level, bitrate_mode=mode)
    file.seek(0)
    decoded: Samples = soundfile.read(file, dtype="float32")[0]
    return decoded[MP3_DELAY:] if len(decoded) > len(samples) else decoded


def fitted(samples: Samples, count: int) -> Samples:
    """The first `count` samples, with zeros behind where there are fewer."""
    return np.pad(samples[:count], (0, max(0, count - len(samples)))).astype(np.float32, copy=False)
