"""The bundle: what is written is read, and nothing else is."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tympan.bundle import CARD, CHUNKS_FORMAT, FORMAT, HEADER, MODEL, Bundle
from tympan.errors import BundleError
from tympan.tokens import TokenTable

GRAPH = bytes(range(256)) * 2
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A small bundle with every part, not yet written."""
    return Bundle(
        tmp_path / "small.tympan",
        "small",
        "de",
        {"name": "fbank80"},
        {"mode": "utterance"},
        TokenTable.from_texts(["über ab"]),
        0.04,
        {"family": "ctc", "parameters": 7, "weights": "float32"},
        {"hours": 1.5, "validation": {"wer": 0.25}},
        GRAPH,
        "# Ein Modell für alles\n",
    )


@pytest.fixture
def written(bundle: Bundle) -> Path:
    bundle.write(bundle.path)
    return bundle.path


def header_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        header: dict[str, Any] = json.loads(archive.read(HEADER))
    return header


def pack(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip archive with exactly these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return path


def repack(path: Path, header: bytes | dict[str, Any], *more: tuple[str, bytes]) -> Path:
    """The bundle again, with another header and more members; the archive itself is faultless."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with zipfile.ZipFile(path) as archive:
        rest = [(name, archive.read(name)) for name in archive.namelist() if name != HEADER]
    return pack(path, [(HEADER, text), *rest, *more])


def refusal(path: Path) -> str:
    """The sentence with which the file is refused; it names the file."""
    with pytest.raises(BundleError) as error:
        Bundle.open(path)
    assert path.name in str(error.value)
    return str(error.value)


def test_bundle_is_read_as_it_was_written(bundle: Bundle) -> None:
    bundle.write(bundle.path)
    assert Bundle.open(bundle.path) == bundle
    assert Bundle.open(str(bundle.path)) == bundle


def test_bundle_without_card_is_read_as_it_was_written(bundle: Bundle) -> None:
    bare = dataclasses.replace(bundle, card="", training={}, language="")
    bare.write(bare.path)
    assert Bundle.open(bare.path) == bare
    assert zipfile.ZipFile(bare.path).namelist() == [HEADER, MODEL]


def test_scorer_that_is_gone_cut_or_too_large_is_told_and_nothing_is_written(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "some.scorer").write_bytes(b"12345")
    places = {"gone.scorer": (5, "cannot be read"), "some.scorer": (6, "changed meanwhile"), "huge.scorer": ((2 << 30) + 1, "--prune")}
    for name, (length, part) in places.items():
        with pytest.raises(BundleError, match=part) as error:
            dataclasses.replace(bundle, scorer=(tmp_path / name, 0, length)).write(bundle.path)
        assert name in str(error.value)
    assert not bundle.path.exists()


def test_scorer_is_the_part_of_the_file_that_was_named(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "within").write_bytes(b"before<scorer>after")
    dataclasses.replace(bundle, scorer=(tmp_path / "within", 6, 8)).write(bundle.path)
    scorer = Bundle.open(bundle.path).scorer
    assert scorer is not None
    path, offset, length = scorer
    assert path.read_bytes()[offset : offset + length] == b"<scorer>"


def test_equal_contents_give_equal_bytes_on_every_system(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    other = bundle.path.with_name("other.tympan")
    bundle.write(bundle.path)
    monkeypatch.setattr(sys, "platform", "win32")
    bundle.write(other)
    assert other.read_bytes() == bundle.path.read_bytes()


def test_members_are_stored_behind_the_header(written: Path) -> None:
    infos = zipfile.ZipFile(written).infolist()
    assert [info.filename for info in infos] == [HEADER, MODEL, CARD]
    assert all(info.compress_type == zipfile.ZIP_STORED for info in infos)
    assert GRAPH in written.read_bytes()  # so it can be mapped into memory


def test_header_gives_length_and_hash_of_each_member(written: Path) -> None:
    header = header_of(written)
    assert header["format"] == FORMAT
    assert header["members"][MODEL] == {"length": len(GRAPH), "sha256": hashlib.sha256(GRAPH).hexdigest()}


def test_failed_writing_leaves_the_old_bundle(bundle: Bundle, written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        dataclasses.replace(bundle, frame_shift_s=float("nan")).write(written)
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


@pytest.mark.parametrize("name", ["none.tympan", ".", "a\0b.tympan"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="There is no bundle"):
        Bundle.open(tmp_path / name)


def test_every_truncation_is_refused(written: Path) -> None:
    whole = written.read_bytes()
    for length in range(len(whole)):
        written.write_bytes(whole[:length])
        assert "truncated" in refusal(written), length


def test_no_flipped_bit_is_read_as_something_else(bundle: Bundle, written: Path) -> None:
    """A flip is refused, or it lies where the zip format itself says nothing of the contents, such as a date."""
    whole = written.read_bytes()
    unnoticed = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        written.write_bytes(damaged)
        try:
            assert Bundle.open(written) == bundle, position
            unnoticed += 1
        except BundleError:
            pass
    start = whole.index(GRAPH)
    assert unnoticed < len(whole) / 8
    for position in range(start, start + len(GRAPH)):
        written.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        refusal(written)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_of_the_directory_is_refused_or_harmless(bundle: Bundle, edits: list[tuple[int, int]]) -> None:
    bundle.write(bundle.path)
    damaged = bytearray(bundle.path.read_bytes())
    for from_the_end, value in edits:
        damaged[-from_the_end] = value
    bundle.path.write_bytes(damaged)
    with contextlib.suppress(BundleError):
        assert Bundle.open(bundle.path) == bundle


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18), b"\x80\x04K\x01.", bytes(5000)])
def test_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.tympan"
    path.write_bytes(content)
    refusal(path)


def test_other_zip_archive_is_told_from_a_damaged_bundle(tmp_path: Path) -> None:
    assert f"without {HEADER}" in refusal(pack(tmp_path / "other.tympan", [("a.txt", b"hello")]))


def test_altered_graph_is_refused_even_if_the_archive_is_faultless(written: Path) -> None:
    header = json.dumps(header_of(written)).encode()
    pack(written, [(HEADER, header), (MODEL, GRAPH[:-1] + b"x"), (CARD, "# Ein Modell für alles\n".encode())])
    assert "model.onnx was altered" in refusal(written)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "..\\evil", "sub/model.onnx", "model.onnx/", "a.py", "x.pkl", "Model.onnx", "bundle.json "]
)
@pytest.mark.parametrize("declared", [True, False])
def test_foreign_member_is_refused_and_nothing_is_unpacked(written: Path, name: str, declared: bool) -> None:
    header = header_of(written)
    if declared:
        header["members"][name] = {"length": 4, "sha256": hashlib.sha256(b"evil").hexdigest()}
    repack(written, header, (name, b"evil"))
    assert "holds members that a bundle does not have" in refusal(written)
    assert list(written.parent.iterdir()) == [written]
    assert not (written.parent.parent / "evil").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [HEADER, MODEL])
def test_member_that_stands_twice_is_refused(written: Path, name: str) -> None:
    with zipfile.ZipFile(written) as archive:
        data = archive.read(name)
    repack(written, header_of(written), (name, data))
    assert "one twice" in refusal(written)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bomb_is_refused_unread(tmp_path: Path, compression: int) -> None:
    path = pack(tmp_path / "bomb.tympan", [(HEADER, b" " * 3_000_000), (MODEL, bytes(10_000_000))], compression)
    assert path.stat().st_size < 100_000
    assert "bundle.json is compressed" in refusal(path)


def test_compressed_graph_behind_a_stored_header_is_refused(written: Path) -> None:
    header = json.dumps(header_of(written)).encode()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(HEADER, header)
        archive.writestr(MODEL, GRAPH, zipfile.ZIP_DEFLATED)
        archive.writestr(CARD, "# Ein Modell für alles\n")
    assert "model.onnx is compressed" in refusal(written)


def directory_field(data: bytes, name: str, offset: int, value: bytes) -> bytes:
    """`data` with a field of a member's entry in the central directory replaced; offsets as in APPNOTE.TXT 4.3.12."""
    start = data.index(b"PK\x01\x02")
    while data[start + 46 : start + 46 + len(name)] != name.encode():
        start = data.index(b"PK\x01\x02", start + 4)
    return data[: start + offset] + value + data[start + offset + len(value) :]


@pytest.mark.parametrize("name", [HEADER, MODEL])
@pytest.mark.parametrize("size", [2**32 - 2, 2**31, 5 << 20])
def test_member_that_claims_gigabytes_is_refused_unread(written: Path, name: str, size: int) -> None:
    claim = struct.pack("<II", size, size)  # compressed and uncompressed
    written.write_bytes(directory_field(written.read_bytes(), name, 20, claim))
    assert f"claims {size} bytes" in refusal(written)


def test_members_of_different_sizes_packed_and_unpacked_are_refused(written: Path) -> None:
    written.write_bytes(directory_field(written.read_bytes(), MODEL, 24, struct.pack("<I", 1 << 31)))
    assert "compressed" in refusal(written)


def zip64(path: Path, *, size: int, offset: int) -> None:
    """Give the graph's entry in the directory 64-bit sizes and place, as `path` would have them beyond 4 GB."""
    data = path.read_bytes()
    extra = struct.pack("<HHQQQ", 1, 24, size, size, offset)
    data = directory_field(data, MODEL, 20, b"\xff" * 8)
    data = directory_field(data, MODEL, 42, b"\xff" * 4)
    data = directory_field(data, MODEL, 30, struct.pack("<H", len(extra)))
    start = data.index(MODEL.encode(), data.index(b"PK\x01\x02")) + len(MODEL)
    data = data[:start] + extra + data[start:]
    end = data.rindex(b"PK\x05\x06")
    (directory_size,) = struct.unpack("<I", data[end + 12 : end + 16])
    path.write_bytes(data[: end + 12] + struct.pack("<I", directory_size + len(extra)) + data[end + 16 :])


@pytest.mark.parametrize("offset", [2**63 - 1, 2**63, 2**64 - 1, 2**40])
def test_member_beyond_the_end_of_the_world_is_refused(written: Path, offset: int) -> None:
    zip64(written, size=len(GRAPH), offset=offset)
    refusal(written)


@pytest.mark.parametrize("size", [2**63, 2**64 - 1])
def test_member_of_exabytes_is_refused(written: Path, size: int) -> None:
    zip64(written, size=size, offset=0)
    refusal(written)


@pytest.mark.parametrize(("size", "offset"), [(2**63, 0), (2**64 - 1, 2**64 - 1), (0, 2**63), (2**64 - 1, 0), (2**40, 0)])
def test_directory_of_exabytes_is_refused(written: Path, size: int, offset: int) -> None:
    data = written.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    written.write_bytes(data[:end] + record + locator + data[end:])
    with contextlib.suppress(BundleError):
        Bundle.open(written)  # some versions of zipfile believe the older record


@pytest.mark.parametrize("newer", [CHUNKS_FORMAT + 1, 0, -1, 10**6])
def test_bundle_of_another_format_says_so(written: Path, newer: int) -> None:
    repack(written, {**header_of(written), "format": newer, "unheard_of": {}})
    assert f"has bundle format {newer}; this version reads {FORMAT}" in refusal(written)


@pytest.mark.parametrize("field", ["name", "language", "features", "normalization", "tokens", "frame_shift_s"])
@pytest.mark.parametrize("value", [None, True, [], "absent"])
def test_missing_or_wrong_field_is_named(written: Path, field: str, value: object) -> None:
    header = header_of(written)
    header[field] = value
    if value == "absent":
        del header[field]
    repack(written, header)
    assert field in refusal(written)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"format"',
        b"\xff\xfe",
        b'{"format": true}',
        b'{"format": "1"}',
        b'{"format": 1.0}',
        b'{"format": 1}',
        b'{"format": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"format": 1, "name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
    ids=lambda header: header[:24].decode("ascii", "replace"),
)
def test_header_that_is_no_header_is_refused(written: Path, header: bytes) -> None:
    assert HEADER in refusal(repack(written, header))


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '"\\ud800"', '["\\udcff"]'])
def test_header_that_no_file_could_hold_again_is_refused(written: Path, value: str) -> None:
    """The fuzzer's find: Python reads them, and then could neither write the bundle nor print it."""
    header = json.dumps(header_of(written) | {"training": {"note": "HERE"}}).replace('"HERE"', value).encode()
    assert HEADER in refusal(repack(written, header))


@pytest.mark.parametrize("shift", ["0", "-0.04", "1.5", "1" + "0" * 400, "true", '"0.04"'])
def test_impossible_frame_shift_is_refused(written: Path, shift: str) -> None:
    text = json.dumps({**header_of(written), "frame_shift_s": 4321}).replace("4321", shift)
    assert "frame_shift_s" in refusal(repack(written, text.encode()))


MEMBER_CHANGES: dict[str, tuple[Change, str]] = {
    "no graph": (lambda members: members.pop(MODEL), MODEL),
    "undescribed": (lambda members: members.update({MODEL: None}), "does not describe model.onnx"),
    "without length": (lambda members: members[MODEL].pop("length"), "does not describe model.onnx"),
    "without hash": (lambda members: members[MODEL].pop("sha256"), "model.onnx was altered"),
    "length as text": (lambda members: members[MODEL].update(length="512"), "does not describe model.onnx"),
    "hash as number": (lambda members: members[MODEL].update(sha256=0), "model.onnx was altered"),
    "other length": (lambda members: members[MODEL].update(length=511), "model.onnx was altered"),
    "negative length": (lambda members: members[MODEL].update(length=-1), "model.onnx was altered"),
    "nothing": (lambda members: members.clear(), MODEL),
    "list": (lambda members: members.update({CARD: ["length", "sha256"]}), "does not describe README.md"),
}


@pytest.mark.parametrize(("change", "part"), MEMBER_CHANGES.values(), ids=list(MEMBER_CHANGES))
def test_wrong_description_of_a_member_is_refused(written: Path, change: Change, part: str) -> None:
    header = header_of(written)
    change(header["members"])
    assert part in refusal(repack(written, header))


def test_described_member_that_is_missing_is_named(written: Path) -> None:
    header = header_of(written)
    pack(written, [(HEADER, json.dumps(header).encode()), (MODEL, GRAPH)])
    assert "README.md is missing" in refusal(written)


def test_card_that_is_no_text_is_refused(written: Path) -> None:
    header = header_of(written)
    header["members"][CARD] = {"length": 2, "sha256": hashlib.sha256(b"\xff\xfe").hexdigest()}
    refusal(pack(written, [(HEADER, json.dumps(header).encode()), (MODEL, GRAPH), (CARD, b"\xff\xfe")]))


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": ["a", "b"]},
        {"tokens": ["<blank>", "b", "a"]},
        {"hash": ""},
        {"tokens": []},
        {"tokens": {}},
        {"kind": 3},
        {"tokens": None},
    ],
    ids=str,
)
def test_tampered_token_table_is_refused(written: Path, change: dict[str, object]) -> None:
    header = header_of(written)
    header["tokens"].update(change)
    assert "token" in refusal(repack(written, header))
