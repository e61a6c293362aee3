"""Recordings inside tar archives: the members that Python's tarfile finds, and nothing that a crafted archive could make of them."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tympan import audio
from tympan.audio import archives
from tympan.audio.archives import Place, open_member, place_of, split_path
from tympan.errors import AudioError

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def write_tar(path: Path, members: dict[str, bytes], format: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w", format=format) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


SOUND = np.random.default_rng(0).integers(-9000, 9000, 4000).astype(np.int16)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_tar(tmp_path / "shard.tar", {"a.json": b"{}", "a.wav": wav(SOUND), "empty.wav": b"", "text.wav": b"hello " * 40})


def test_a_member_is_read_as_its_file_would_be(shard: Path) -> None:
    assert np.array_equal(audio.read(shard / "a.wav"), SOUND / np.float32(32768))
    assert audio.info(shard / "a.wav").duration_s == 0.25
    assert np.array_equal(np.concatenate(list(audio.blocks(str(shard / "a.wav"), block_s=0.1))), SOUND / np.float32(32768))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("b.wav", r"shard\.tar has no member b\.wav"),
        ("../a.wav", r"shard\.tar has no member \.\./a\.wav"),
        ("empty.wav", r"shard\.tar/empty\.wav is empty"),
        ("text.wav", r'shard\.tar/text\.wav is not audio: it is text that begins with "hello'),
    ],
)
def test_what_is_no_recording_is_told_with_archive_and_member(shard: Path, name: str, told: str) -> None:
    with pytest.raises(AudioError, match=told):
        audio.read(shard / name)


def test_a_folder_called_tar_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "odd.tar").mkdir()
    (tmp_path / "odd.tar" / "a.wav").write_bytes(wav(SOUND))
    assert len(audio.read(tmp_path / "odd.tar" / "a.wav")) == 4000
    assert split_path(tmp_path / "odd.tar" / "b.wav") is None
    with pytest.raises(AudioError, match="no such file"):
        audio.read(tmp_path / "odd.tar" / "b.wav")


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.dictionaries(
        st.text("abö/ .é", min_size=1, max_size=20).filter(lambda name: not name.endswith("/")) | st.just("d/" * 70 + "x"),
        st.binary(max_size=1500),
        max_size=5,
    )
)
def test_members_are_those_of_tarfile(tmp_path: Path, format: str, members: dict[str, bytes]) -> None:
    path = write_tar(tmp_path / "a.tar", members, FORMATS[format])
    archives.members_of.cache_clear()  # written twice within one tick of the clock
    with tarfile.open(path) as archive:
        expected = {entry.name.removeprefix("./"): Place(entry.offset_data, entry.size) for entry in archive if entry.isreg()}
    with open(path, "rb") as file:
        assert dict(archives.scan(file, path, path.stat().st_size)) == expected
    for name, place in expected.items():
        with open_member(path, name) as member:
            assert member.read() == path.read_bytes()[place.offset : place.offset + place.length]


@pytest.mark.parametrize("format", FORMATS)
def test_long_names_are_whole_and_belong_to_their_own_member(tmp_path: Path, format: str) -> None:
    long = "folder/" * 20 + "a.wav"
    write_tar(tmp_path / "a.tar", {long: b"1", "b.wav": b"22"}, FORMATS[format])
    assert place_of(tmp_path / "a.tar", long).length == 1
    assert place_of(tmp_path / "a.tar", "b.wav").length == 2


def test_links_and_folders_are_no_members_and_hide_none(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            entry = tarfile.TarInfo(f"odd{kind.decode()}")
            entry.type, entry.linkname, entry.size = kind, "/etc/passwd", 0
            archive.addfile(entry)
        entry = tarfile.TarInfo("a.wav")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    assert set(archives.members_of(tmp_path / "a.tar", 0, 0)) == {"a.wav"}


def test_an_archive_that_is_cut_off_gives_what_is_whole(shard: Path) -> None:
    whole = shard.read_bytes()
    place = place_of(shard, "a.wav")
    shard.write_bytes(whole[: place.offset + 100])
    with pytest.raises(AudioError, match=r"shard\.tar is cut off in its member a\.wav"):
        audio.read(shard / "a.wav")
    assert place_of(shard, "a.json").length == 2
    with pytest.raises(AudioError, match=r"no member text\.wav"):
        audio.read(shard / "text.wav")


@pytest.mark.parametrize("claim", [b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12])
def test_a_header_that_claims_more_than_there_is_reaches_nothing(shard: Path, claim: bytes) -> None:
    content = bytearray(shard.read_bytes())
    content[124:136] = claim
    content[148:156] = b"%06o\0 " % (sum(content[:148]) + 8 * 32 + sum(content[156:512]))
    shard.write_bytes(content)
    with pytest.raises(AudioError, match=r"is cut off in its member a\.json|holds no files"):
        place_of(shard, "a.json")


def test_a_long_name_that_claims_gigabytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tar(tmp_path / "a.tar", {"n" * 200: b"x"}, tarfile.GNU_FORMAT)
    content = bytearray(path.read_bytes())
    content[124:136] = b"00000200001\0"  # one byte above the longest
    content[148:156] = b"%06o\0 " % (sum(content[:148]) + 8 * 32 + sum(content[156:512]))
    path.write_bytes(content + bytes(1 << 17))
    read: list[int] = []

    class Watched(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            read.append(size)
            return super().read(size)

    with Watched(path) as file:
        list(archives.scan(file, path, path.stat().st_size))
    assert set(read) == {512}


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b" + bytes(600), b"not a tar archive" * 60, bytes(1024)])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.tar holds no files, or it is no plain tar archive"):
        audio.read(tmp_path / "a.tar" / "a.wav")


def test_a_damaged_header_is_told_with_its_place(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[1024 + 150] ^= 1
    shard.write_bytes(content)
    with pytest.raises(AudioError, match=r"shard\.tar is damaged at byte 1,024"):
        audio.read(shard / "a.wav")


def test_too_many_members_are_refused(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(AudioError, match="more than 3 members"):
        audio.read(shard / "a.wav")


def test_an_archive_that_was_written_anew_is_read_anew(shard: Path) -> None:
    assert len(audio.read(shard / "a.wav")) == 4000
    before = audio.stamp(shard / "a.wav")
    write_tar(shard, {"z.json": b"{}" * 400, "a.wav": wav(SOUND[:1000])})
    assert len(audio.read(shard / "a.wav")) == 1000
    assert audio.stamp(shard / "a.wav") != before


def test_stamp_is_that_of_the_file_or_the_archive(shard: Path) -> None:
    facts = os.stat(shard)
    assert audio.stamp(shard) == audio.stamp(shard / "a.wav") == (facts.st_size, facts.st_mtime_ns)
    assert audio.stamp(shard.parent / "gone.wav") is None
