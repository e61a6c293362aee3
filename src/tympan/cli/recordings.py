"""What `tympan transcribe` is given -> the recordings, and where the transcript of each goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tympan.errors import TympanError


@dataclass(frozen=True)
class Recording:
    """A recording and its place.

    Attributes:
        path: as it was given, or found in a folder that was given.
        name: of its transcript within the output folder, without the ending: talk, or 2024/may/talk where a folder was given.
    """

    path: Path
    name: Path

    def target(self, output: Path, ending: str) -> Path:
        """The file that its transcript is written to."""
        return output / self.name.parent / f"{self.name.name}.{ending}"


def find_recordings(given: Sequence[Path]) -> list[Recording]:
    """Files as they are, folders as the recordings in and below them, sorted; hidden ones and links to folders are passed over.

    Raises:
        TympanError: a folder holds no recording, or cannot be read.
    """
    found: list[Recording] = []
    for path in given:
        if not path.is_dir():
            found.append(Recording(path, Path(path.stem)))
            continue
        below = [Recording(file, file.relative_to(path).with_name(file.stem)) for file in files_below(path)]
        if not below:
            raise TympanError(
                f"There is no recording in the folder {path}, nor below it.", "They are known by their endings: .wav, .flac, .mp3, ..."
            )
        found += below
    return found


def files_below(folder: Path) -> Iterator[Path]:
    """The recordings in a folder by their endings, then those of its subfolders, each sorted by name."""
    from tympan.audio import AUDIO_SUFFIXES, VIDEO_SUFFIXES

    def refuse(error: OSError) -> None:
        raise TympanError(f"The folder {error.filename} cannot be read ({error.strerror}).", "Check who may read it.")

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES | VIDEO_SUFFIXES:
                yield Path(place, name)


def refuse_equal_names(recordings: Sequence[Recording]) -> None:
    """TympanError if two recordings would be written to one file."""
    seen: dict[Path, Path] = {}
    for recording in recordings:
        if recording.name in seen:
            raise TympanError(
                f"{seen[recording.name]} and {recording.path} would both be written as {recording.name}.",
                "Give them to calls with folders of their own.",
            )
        seen[recording.name] = recording.path


def without_existing(recordings: Sequence[Recording], output: Path, ending: str) -> list[Recording]:
    """Those that still have to be transcribed; as files are written whole or not at all, one that exists is complete."""
    return [recording for recording in recordings if not recording.target(output, ending).exists()]
