"""lhotse's own reader finds recordings, texts and speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tympan import audio
from tympan.data import read_manifest, write_manifest
from tympan.data.sharding import shard


@pytest.mark.filterwarnings("ignore")  # lhotse's own
def test_lhotse_reads_what_the_manifest_says(manifest: Path, tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    shard(manifest, tmp_path / "out", layout="shar", shard_size=50_000)
    cuts = list(lhotse.CutSet.from_shar(in_dir=tmp_path / "out" / "shards"))
    utterances = read_manifest(manifest)
    assert len(cuts) == len(utterances)
    for cut, utterance in zip(cuts, utterances, strict=True):
        said = cut.supervisions[0]
        assert (said.id, said.text, said.speaker or "") == (utterance.id, utterance.text, utterance.speaker)
        assert cut.duration == pytest.approx(utterance.duration)
        assert np.array_equal(cut.load_audio()[0], audio.read(utterance.audio))
        assert (cut.custom or {}).get("age") == (int(utterance.audio.stem) if utterance.speaker else None)


@pytest.mark.filterwarnings("ignore")
def test_lhotse_reads_opus_of_another_rate_and_two_channels(tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    samples = 0.1 * np.random.default_rng(0).standard_normal(24_000)
    soundfile.write(tmp_path / "a.opus", samples, 24_000, format="OGG", subtype="OPUS")
    soundfile.write(tmp_path / "b.wav", np.stack([samples, -samples / 2], axis=1), 8000)
    rows = [{"audio_filepath": name, "duration": 1.0, "text": "x", "id": name} for name in ("a.opus", "b.wav")]
    write_manifest(tmp_path / "all.jsonl", rows)
    shard(tmp_path / "all.jsonl", tmp_path / "out", layout="shar")
    one, two = lhotse.CutSet.from_shar(in_dir=tmp_path / "out" / "shards")
    assert np.array_equal(one.load_audio()[0], audio.read(tmp_path / "a.opus", 24_000))
    assert two.load_audio().shape == (2, 24_000) and type(two).__name__ == "MultiCut" and two.sampling_rate == 8000
