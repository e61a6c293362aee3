"""What a layout finds in a folder, and the looking around that all layouts share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from tympan.audio import AUDIO_SUFFIXES

DEEPEST = 8  # folders below the one that was given; corpora have five
MOST_LOOKED_AT = 20_000  # files seen while recognising: enough for the shape of a corpus, quick on a network disk


@dataclass(frozen=True)
class Evidence:
    """How sure a layout is that a folder has its form.

    Attributes:
        sure: 0 to 1; the highest wins.
        why: what was seen, the end of "It was recognised because ...".
    """

    sure: float
    why: str


@dataclass(frozen=True)
class Found:
    """One utterance as a corpus tells it; nothing of the audio was opened yet.

    Attributes:
        id: what the corpus calls it, else the path within the folder.
        audio: the recording.
        text: the transcript as written.
        speaker: empty if not told.
        start_s: seconds, where the utterance begins in the recording.
        end_s: seconds, where it ends; None for the recording's end.
        part: the corpus's own part (train, dev-clean); empty if it has none.
    """

    id: str
    audio: Path
    text: str
    speaker: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    part: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Something that should have been an utterance.

    Attributes:
        reason: the same words for the same fault, so that faults can be counted.
        where: the file, line or id.
    """

    reason: str
    where: str


Finding: TypeAlias = "Found | LeftOut"

NO_AUDIO = "the recording is not there"
NO_TRANSCRIPT = "the recording has no transcript"
WRONG_LINE = "the line cannot be read"


def files_below(folder: Path) -> Iterator[Path]:
    """All files in and below a folder, sorted folder by folder; links to folders are not followed, hidden names passed over."""
    base = len(folder.parts)
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if len(here.parts) - base < DEEPEST else []
        yield from (here / name for name in sorted(names) if not name.startswith("."))


def first_files(folder: Path) -> Iterator[Path]:
    """As `files_below`, but not more than one needs to recognise a form."""
    return islice(files_below(folder), MOST_LOOKED_AT) if folder.is_dir() else iter(())


def lists_in(path: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files of a folder (not below it) whose names end so, or the path itself if it is such a file."""
    endings = tuple(suffixes)
    candidates = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    return [file for file in candidates if file.name.lower().endswith(endings) and not file.name.startswith(".") and file.is_file()]


def is_audio(path: Path) -> bool:
    """Whether the name says that it is a recording."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def name_below(path: Path, folder: Path) -> str:
    """The path of a recording within its folder, without suffix, with / on every system: a name that is unique there."""
    return path.relative_to(folder).with_suffix("").as_posix()


def examples(names: Iterable[str], most: int = 3) -> str:
    """a, b, c and 5 more."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
