"""From what is given to the recordings and the places of their transcripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tympan.cli.recordings import Recording, find_recordings, refuse_equal_names, without_existing
from tympan.errors import TympanError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings and other things, two of one name in different subfolders."""
    for name in (
        "b.wav",
        "a.FLAC",
        "notes.txt",
        "._a.wav",
        "may/talk.v2.mp3",
        "may/day/b.wav",
        ".hidden/c.wav",
        "june/b.opus",
        "june/film.mkv",
    ):
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).touch()
    return tmp_path / "all"


def test_folder_is_all_recordings_below_it_sorted(folder: Path) -> None:
    found = [recording.path.relative_to(folder).as_posix() for recording in find_recordings([folder])]
    assert found == ["a.FLAC", "b.wav", "june/b.opus", "june/film.mkv", "may/talk.v2.mp3", "may/day/b.wav"]


def test_subfolders_are_kept_in_the_output(folder: Path) -> None:
    recordings = find_recordings([folder])
    refuse_equal_names(recordings)
    targets = [recording.target(Path("out"), "srt").as_posix() for recording in recordings]
    assert targets == ["out/a.srt", "out/b.srt", "out/june/b.srt", "out/june/film.srt", "out/may/talk.v2.srt", "out/may/day/b.srt"]


def test_files_are_taken_as_they_are_given_known_or_not(folder: Path) -> None:
    given = [folder / "notes.txt", Path("no/such.wav"), folder / "june", folder / "b.wav"]
    names = [recording.name.as_posix() for recording in find_recordings(given)]
    assert names == ["notes", "such", "b", "film", "b"]


def test_one_place_for_two_recordings_is_refused_with_both(folder: Path) -> None:
    with pytest.raises(TympanError) as caught:
        refuse_equal_names(find_recordings([folder / "june", folder / "b.wav"]))
    assert str(folder / "june" / "b.opus") in str(caught.value) and str(folder / "b.wav") in str(caught.value)


def test_folder_without_recordings_is_told(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(TympanError, match="no recording in the folder"):
        find_recordings([folder / "june", folder / "empty"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_folder_that_may_not_be_read_is_told(folder: Path) -> None:
    (folder / "june").chmod(0)
    try:
        with pytest.raises(TympanError, match="june"):
            find_recordings([folder])
    finally:
        (folder / "june").chmod(0o700)


def test_what_has_its_file_is_left_out(folder: Path, tmp_path: Path) -> None:
    recordings = find_recordings([folder])
    (tmp_path / "out" / "june").mkdir(parents=True)
    (tmp_path / "out" / "june" / "b.txt").touch()
    (tmp_path / "out" / "b.json").touch()
    left = without_existing(recordings, tmp_path / "out", "txt")
    assert left == [recording for recording in recordings if recording != Recording(folder / "june" / "b.opus", Path("june/b"))]
