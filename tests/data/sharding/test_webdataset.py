"""The layout that WebDataset reads: files of one basename behind each other are one sample."""

from __future__ import annotations

import json
import tarfile
from itertools import groupby
from pathlib import Path

from tympan.data import read_manifest
from tympan.data.sharding import shard


def test_samples_are_recording_and_fields(manifest: Path, tmp_path: Path) -> None:
    """Grouped as webdataset's tariterators.group_by_keys does: by the basename up to its first point."""
    written = shard(manifest, tmp_path / "out", shard_size=50_000)
    samples = []
    for name in written.archives:
        with tarfile.open(tmp_path / "out" / "shards" / name) as archive:
            for key, members in groupby(archive.getmembers(), key=lambda member: member.name.split(".", 1)[0]):
                samples.append((key, {member.name.split(".", 1)[1]: archive.extractfile(member).read() for member in members}))  # type: ignore[union-attr]
    utterances = read_manifest(manifest)
    assert len(samples) == len(utterances)
    for (_, parts), utterance in zip(samples, utterances, strict=True):
        assert set(parts) == {"json", utterance.audio.suffix[1:]}
        assert parts[utterance.audio.suffix[1:]] == utterance.audio.read_bytes()
        fields = json.loads(parts["json"])
        assert (fields["id"], fields["text"], fields["duration"]) == (utterance.id, utterance.text, utterance.duration)
        assert "audio_filepath" not in fields
