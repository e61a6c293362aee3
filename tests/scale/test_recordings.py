from __future__ import annotations

import json
from pathlib import Path

import pytest

from tympan.errors import ManifestError, TympanError
from tympan.scale import Recording, expand


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    for name in ("one.wav", "ann/two.FLAC", "ann/deep/three.opus", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_s_recordings_keep_their_place(talks: Path) -> None:
    found = [
        (name, f"{talks}/{file}")
        for name, file in (("ann/deep/three", "ann/deep/three.opus"), ("ann/two", "ann/two.FLAC"), ("one", "one.wav"))
    ]
    assert [(recording.name, recording.source) for recording in expand([str(talks)])] == found
    address = f"simplecache::file://{talks}"
    assert [(recording.name, recording.source) for recording in expand([address])] == [
        (name, source.replace(str(talks), address)) for name, source in found
    ]


def test_files_have_their_own_names_and_stand_once(talks: Path) -> None:
    assert expand([f"{talks}/one.wav", f"file://{talks}/one.wav", "missing.mp3"]) == [
        Recording(f"{talks}/one.wav", "one"),
        Recording("missing.mp3", "missing"),
    ]


def test_a_manifest_s_recordings_are_relative_to_it_and_may_be_addresses(talks: Path) -> None:
    lines = ["ann/two.FLAC", "ann/two.FLAC", str(talks / "one.wav"), "s3://bucket/far.wav", "../out.wav"]
    manifest = talks / "all.jsonl"
    manifest.write_text("".join(json.dumps({"audio_filepath": line, "duration": 1, "id": str(n)}) + "\n" for n, line in enumerate(lines)))
    wanted = [
        Recording(f"{talks}/ann/two.FLAC", "ann/two"),
        Recording(f"{talks}/one.wav", "one"),
        Recording("s3://bucket/far.wav", "far"),
        Recording(f"{talks}/../out.wav", "out"),
    ]
    assert expand([str(manifest)]) == wanted
    address = f"simplecache::file://{talks}"
    assert [recording.source for recording in expand([f"{address}/all.jsonl"])][::3] == [f"{address}/ann/two.FLAC", f"{address}/../out.wav"]


def test_two_transcripts_of_one_name_are_refused(talks: Path) -> None:
    with pytest.raises(TympanError, match=r"one\.wav and elsewhere/one\.mp3 would both be written as one"):
        expand([f"{talks}/one.wav", "elsewhere/one.mp3"])


def test_mistakes_are_sentences(talks: Path) -> None:
    (talks / "wrong.jsonl").write_text('{"audio_filepath": "a.wav", "duration": 1}\n{"duration": 1}\nnothing\n')
    with pytest.raises(ManifestError, match=r"2 wrong lines: line 2: .*audio_filepath.*; line 3: it is not JSON"):
        expand([str(talks / "wrong.jsonl")])
    with pytest.raises(ManifestError, match="no manifest"):
        expand([str(talks / "missing.jsonl")])
    (talks / "empty").mkdir()
    with pytest.raises(TympanError, match="no recording in"):
        expand([str(talks / "empty")])
    with pytest.raises(TympanError, match="memory of this process"):
        expand(["memory://talks"])
