"""lhotse's Shar: recording.000000.tar with recordings and their descriptions, and cuts.000000.jsonl.gz in the same order.

    CutSet.from_shar(in_dir=DIR / "shards")

Source: lhotse-speech/lhotse, lhotse/shar/writers/shar.py and audio.py, version 1.33; a test reads with it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tympan import audio
from tympan.data.sharding.layout import Packed

NOT_CUSTOM = {"id", "duration", "text", "speaker", "language", "gender"}  # what a supervision has a field for


class Shar:
    """Texts are in the cuts; the JSON in the archive says what the recording is."""

    name = "shar"

    def archive(self, number: int) -> str:
        """See `Layout`."""
        return f"recording.{number:06d}.tar"

    def beside(self, packed: Packed) -> bytes:
        """See `Layout`."""
        return json.dumps(recording(packed)).encode("ascii")

    def lists(self, number: int, members: Sequence[Packed]) -> dict[str, bytes]:
        """The shard's cuts."""
        lines = "".join(json.dumps(cut(packed), ensure_ascii=False) + "\n" for packed in members)
        return {f"cuts.{number:06d}.jsonl.gz": gzip.compress(lines.encode(), mtime=0)}


def recording(packed: Packed) -> dict[str, Any]:
    """What lhotse has to know before it decodes."""
    rate, channels, samples = measured(packed.path)
    return {
        "id": packed.key,
        "sources": [{"type": "shar", "channels": list(range(channels)), "source": ""}],
        "sampling_rate": rate,
        "num_samples": samples,
        "duration": samples / rate,
        "channel_ids": list(range(channels)),
    }


def cut(packed: Packed) -> dict[str, Any]:
    """The whole recording with what is said in it."""
    described = recording(packed)
    channels = described["channel_ids"]
    channel = channels if len(channels) > 1 else channels[0]
    place = {"start": 0.0, "duration": described["duration"], "channel": channel}
    said = {name: packed.fields[name] for name in ("text", "speaker", "language", "gender") if name in packed.fields}
    supervision = {"id": str(packed.fields["id"]), "recording_id": packed.key, **place, **said}
    custom = {name: value for name, value in packed.fields.items() if name not in NOT_CUSTOM}
    kind = "MultiCut" if len(channels) > 1 else "MonoCut"
    fields = {"id": packed.key, **place, "supervisions": [supervision], "recording": described}
    return {**fields, **({"custom": custom} if custom else {}), "type": kind}


@lru_cache(8)  # asked for twice, in the archive and in the cuts
def measured(path: Path) -> tuple[int, int, int]:
    """Rate, channels and samples of a recording at its own rate."""
    facts = audio.info(path)
    if facts.duration_s is not None:
        return facts.sample_rate, facts.channels, round(facts.duration_s * facts.sample_rate)
    return facts.sample_rate, facts.channels, sum(map(len, audio.blocks(path, facts.sample_rate)))
