"""Shards hold the recordings byte by byte, their manifest leads to them, and they are whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tympan import audio
from tympan.data import read_manifest, write_manifest
from tympan.data.prepare import prepare
from tympan.data.sharding import LAYOUTS, parse_size, shard, writing
from tympan.errors import ManifestError, TympanError
from tympan.locks import FileLock

SMALL = 50_000  # about five of these recordings


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_manifest_of_the_shards_says_and_sounds_what_the_old_one_did(manifest: Path, tmp_path: Path, layout: str) -> None:
    written = shard(manifest, tmp_path / "out", layout=layout, shard_size=SMALL)
    before, after = read_manifest(manifest), read_manifest(written.manifest)
    assert len(written.archives) > 1
    assert [replace(one, audio=Path()) for one in after] == [replace(one, audio=Path()) for one in before]
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(audio.read(one.audio), audio.read(other.audio))
        assert other.audio.parent.parent == tmp_path / "out" / "shards"
    assert written.utterances == len(before) and written.seconds == pytest.approx(sum(one.duration for one in before))
    rows = [json.loads(line) for line in written.manifest.read_text().splitlines()]
    assert [row.get("age") for row in rows] == [None, 1, None, 3, None, 5, None, 7, None, 9]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [10_000, SMALL, 10**9])
def test_no_archive_is_larger_than_asked_unless_one_recording_is(manifest: Path, tmp_path: Path, layout: str, size: int) -> None:
    written = shard(manifest, tmp_path / "out", layout=layout, shard_size=size)
    for name in written.archives:
        path = tmp_path / "out" / "shards" / name
        with tarfile.open(path) as archive:
            assert path.stat().st_size <= size or len(archive.getmembers()) == 2
    assert (len(written.archives) == 1) == (size == 10**9)


def test_archives_hold_recording_and_json_in_turn_under_safe_names_and_the_bytes_as_they_were(manifest: Path, tmp_path: Path) -> None:
    written = shard(manifest, tmp_path / "out", shard_size=SMALL)
    names, contents = [], []
    for name in written.archives:
        with tarfile.open(tmp_path / "out" / "shards" / name) as archive:
            for member in archive:
                assert member.isreg() and (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
                names.append(member.name)
                contents.append(archive.extractfile(member).read())  # type: ignore[union-attr]
    assert len(set(names)) == len(names) == 20
    originals = [utterance.audio.read_bytes() for utterance in read_manifest(manifest)]
    assert contents[::2] == originals
    for sound, text in zip(names[::2], names[1::2], strict=True):
        key, _, suffix = sound.partition(".")
        assert text == f"{key}.json" and suffix in ("wav", "flac")
        assert key.replace("-", "").replace("_", "").isalnum() and key.isascii() and len(key) <= 70


def test_the_same_recordings_make_the_same_bytes(manifest: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shard(manifest, tmp_path / name, shard_size=SMALL, layout="shar")
        os.utime(next((tmp_path / "clips").iterdir()))
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()} for name in ("one", "two"))
    assert one == two


def test_shards_are_made_of_shards(manifest: Path, tmp_path: Path) -> None:
    first = shard(manifest, tmp_path / "one", shard_size=SMALL)
    second = shard(first.manifest, tmp_path / "two")
    assert len(second.archives) == 1
    for one, other in zip(read_manifest(manifest), read_manifest(second.manifest), strict=True):
        with audio.opened(other.audio) as (file, _):
            assert file.read() == one.audio.read_bytes()


def test_a_seed_shuffles_and_loses_nothing(manifest: Path, tmp_path: Path) -> None:
    plain = [one.id for one in read_manifest(shard(manifest, tmp_path / "plain").manifest)]
    shuffled = [one.id for one in read_manifest(shard(manifest, tmp_path / "shuffled", seed=1).manifest)]
    assert plain != shuffled and sorted(plain) == sorted(shuffled)


def test_shards_are_split_like_files(manifest: Path, tmp_path: Path) -> None:
    written = shard(manifest, tmp_path / "out", shard_size=SMALL)
    report = prepare(written.manifest, tmp_path / "parts.jsonl", split="0.5,0.5")
    assert not report.left_out and sum(part.utterances for part in report.parts) == 10
    for part in report.parts:
        assert all(len(audio.read(utterance.audio)) for utterance in read_manifest(part.path))


def test_missing_recordings_are_named_before_anything_is_written(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "clips" / "3.wav").unlink()
    (tmp_path / "clips" / "4.flac").write_bytes(b"")
    with pytest.raises(ManifestError, match=r"2 of 10 recordings of .*3\.wav: no such file.*4\.flac is empty.*--fix"):
        shard(manifest, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_breaks_off_leaves_nothing_and_nothing_is_written_over(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        shard(manifest, tmp_path / "out", shard_size=SMALL, progress=stop)
    assert set(tmp_path.iterdir()) == before
    (tmp_path / ".out.part").mkdir()  # as a kill leaves it
    (tmp_path / ".out.part" / "half").touch()
    (tmp_path / "out").mkdir()
    shard(manifest, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.jsonl", "shards"]
    with pytest.raises(TympanError, match="out is there already, and not empty"):
        shard(manifest, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "out"}


def test_two_processes_do_not_write_one_folder(manifest: Path, tmp_path: Path) -> None:
    lock = FileLock(tmp_path / ".out.lock")
    assert lock.acquire()
    with pytest.raises(TympanError, match="Another process writes"):
        shard(manifest, tmp_path / "out")
    lock.release()
    shard(manifest, tmp_path / "out")


def test_a_disk_without_room_is_told_first_and_a_full_one_on_the_way(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "add_file", full)
        with pytest.raises(TympanError, match=r"cannot be written to .*No space left on device"):
            shard(manifest, tmp_path / "out")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "free")(1000))
    with pytest.raises(TympanError, match=r"The shards need 0\.0 GB in .*out, where 0\.0 GB are free"):
        shard(manifest, tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists() and not (tmp_path / "out").exists()


def test_half_of_a_surrogate_pair_is_told(manifest: Path, tmp_path: Path) -> None:
    write_manifest(manifest, [{"audio_filepath": "clips/1.wav", "duration": 1, "text": "a", "id": "odd"}])
    manifest.write_text(manifest.read_text().replace('"a"', '"\\ud83d"'))
    with pytest.raises(ManifestError, match="line 1: it holds half of a surrogate pair"):
        shard(manifest, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("1gb", 10**9), ("2GiB", 2**31), (" 1.5 MB ", 1_500_000), ("20000", 20_000), ("64KiB", 65_536)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 XB", "5k", "0", "1e9", "1iB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(TympanError, match="is no size of a shard"):
        parse_size(text)
