from __future__ import annotations

from pathlib import Path

import pytest

from tympan.errors import AudioError, TympanError
from tympan.scale.places import LocalFolder, RemoteFolder, fetched, is_address, local_path, open_folder


@pytest.mark.parametrize("text", ["s3://bucket/a.wav", "gs://b/c", "simplecache::file:///a", "http://host/a.wav"])
def test_addresses_are_told_from_paths(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["a.wav", "/a/b.wav", "C:\\a.wav", "file:///a.wav", "a:b", "./s3"])
def test_paths_are_told_from_addresses(text: str) -> None:
    assert not is_address(text)


def test_file_addresses_are_local_paths() -> None:
    assert local_path("file:///a/b.wav") == Path("/a/b.wav")


@pytest.mark.parametrize("kind", ["local", "memory", "renaming"])
def test_a_folder_writes_a_name_once(tmp_path: Path, kind: str) -> None:
    """`memory` shows files when they are whole, as object stores do; the third has to rename."""
    folder = {
        "local": lambda: LocalFolder(str(tmp_path / "out")),
        "memory": lambda: RemoteFolder(f"memory://{tmp_path.name}/out"),
        "renaming": lambda: RemoteFolder(f"simplecache::file://{tmp_path}/out"),
    }[kind]()
    assert folder.existing(["a/b.txt", "c.txt"]) == set()
    assert folder.write_once("a/b.txt", b"first", "mark-")
    assert not folder.write_once("a/b.txt", b"second", "mark-")
    assert folder.read("a/b.txt") == b"first" and folder.read("c.txt") is None
    assert folder.existing(["a/b.txt", "c.txt"]) == {"a/b.txt"}


@pytest.mark.parametrize("kind", ["local", "renaming"])
def test_only_this_job_s_leftovers_are_cleared(tmp_path: Path, kind: str) -> None:
    folder = LocalFolder(str(tmp_path)) if kind == "local" else RemoteFolder(f"simplecache::file://{tmp_path}")
    kept = [".a.txt.other-1.tmp", "a.txt", "mine-.tmp.txt"]
    (tmp_path / "sub").mkdir()
    for name in [*kept, ".a.txt.mine-1.tmp", "sub/.b.txt.mine-2.tmp"]:
        (tmp_path / name).touch()
    folder.clear("mine-")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_an_address_is_copied_for_the_time_of_the_block(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"sound")
    with fetched(f"simplecache::file://{tmp_path}/a.wav") as file:
        assert file.name == "a.wav" and file.read_bytes() == b"sound"
    assert not file.exists()
    with pytest.raises(AudioError, match=r"b\.wav: no such file"), fetched(f"simplecache::file://{tmp_path}/b.wav"):
        pass


@pytest.mark.parametrize(
    ("address", "message"),
    [("nothing://x", "no address that fsspec knows"), ("memory://x", "memory of this process"), ("s3://x", "needs another package")],
)
def test_addresses_that_lead_nowhere_are_sentences(address: str, message: str) -> None:
    if address.startswith("s3"):
        pytest.importorskip("pyarrow")
        try:
            import s3fs  # noqa: F401
        except ImportError:
            pass
        else:
            pytest.skip("s3fs is installed here")
    with pytest.raises(TympanError, match=message):
        open_folder(address)
