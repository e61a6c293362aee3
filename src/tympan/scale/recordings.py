"""What is to be transcribed: files, folders, manifests and addresses -> recordings, each with the name of its transcript."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Any

from tympan.audio import AUDIO_SUFFIXES
from tympan.data.manifest import parse_line
from tympan.errors import ManifestError, TympanError
from tympan.scale.places import file_system, is_address, local_path, refuse_memory

MANIFEST = ".jsonl"


@dataclass(frozen=True)
class Recording:
    """A recording and the name of its transcript.

    Attributes:
        source: path or address.
        name: of the transcript without its suffix, a relative path with `/`.
    """

    source: str
    name: str

    def __str__(self) -> str:
        return self.source


def expand(given: Sequence[str]) -> list[Recording]:
    """The recordings that files, folders, manifests and addresses stand for, each once.

    A file's transcript has its name without the suffix. Those of a folder or manifest keep their place in it, so that recordings of
    one name in several folders do not meet.

    Args:
        given: paths or addresses; folders are searched to the bottom for suffixes of audio, `.jsonl` is a manifest.

    Raises:
        ManifestError: a manifest cannot be read, or a line is wrong.
        TympanError: nothing is found, an address cannot be used, or two transcripts would have one name.
    """
    found = list(dict.fromkeys(recording for text in given for recording in expand_one(text)))
    if not found:
        raise TympanError(f"There is no recording in {', '.join(given)}.", f"Recordings end in {', '.join(sorted(AUDIO_SUFFIXES))}.")
    refuse_equal_names(found)
    return found


def expand_one(text: str) -> Iterator[Recording]:
    """Those of one file, folder, manifest or address."""
    if is_address(text):
        yield from expand_address(text)
        return
    path = local_path(text)
    if path.suffix.lower() == MANIFEST:
        yield from of_manifest(text, str(path.parent), read_local(text))
    elif path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file())
        yield from (Recording(str(file), without_suffix(file.relative_to(path))) for file in inside)
    else:
        yield Recording(str(path), path.stem)  # one that is missing fails alone


def expand_address(address: str) -> Iterator[Recording]:
    """Those of an address: a file, a pattern with `*`, a manifest or a folder."""
    fs, path = file_system(address)
    refuse_memory(fs, address)
    try:
        if path.lower().endswith(MANIFEST):
            yield from of_manifest(address, address.rpartition("/")[0], fs.cat_file(path))
        elif "*" in path:
            yield from (Recording(full_address(fs, address, path, file), PurePosixPath(file).stem) for file in sorted(fs.glob(path)))
        elif fs.isdir(path):
            inside = sorted(file for file in fs.find(path) if PurePosixPath(file).suffix.lower() in AUDIO_SUFFIXES)
            names = [without_suffix(PurePosixPath(file).relative_to(path.rstrip("/"))) for file in inside]
            yield from (Recording(full_address(fs, address, path, file), name) for file, name in zip(inside, names, strict=True))
        else:
            yield Recording(address, PurePosixPath(path).stem)
    except FileNotFoundError:
        raise TympanError(f"There is nothing at {address}.", "Check the address.") from None
    except OSError as error:
        raise TympanError(f"{address} cannot be read ({error}).", "Check the address, and who may read it.") from None


def full_address(fs: Any, address: str, path: str, file: str) -> str:
    """The address of a file that was found from `address`, whose path is `path`; chains as `simplecache::s3://` keep their links."""
    address, path = address.rstrip("/"), path.rstrip("/")
    return address.removesuffix(path) + file if address.endswith(path) else str(fs.unstrip_protocol(file))


def read_local(text: str) -> bytes:
    """A manifest's bytes."""
    try:
        return local_path(text).read_bytes()
    except FileNotFoundError:
        raise ManifestError(f"There is no manifest {text}.", "Check the path.") from None
    except OSError as error:
        raise ManifestError(f"The manifest {text} cannot be read: {error}.", "Check the path, and who may read it.") from None


def of_manifest(text: str, folder: str, content: bytes) -> Iterator[Recording]:
    """The recordings of a manifest's lines; their paths are relative to `folder`, their transcripts are of no concern."""
    wrong: list[str] = []
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ManifestError(f"The manifest {text} cannot be read: {error}.", "It must be a text file of JSON lines in UTF-8.") from None
    for number, line in enumerate(lines, start=1):
        line = line.strip("\ufeff\r")
        if not line.strip():
            continue
        try:
            parse_line(line, local_path("."), need_text=False)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        audio = json.loads(line)["audio_filepath"]  # as it is written: a Path would make s3:/ of s3://
        absolute = is_address(audio) or PurePath(audio).is_absolute()
        name = without_suffix(PurePosixPath(PurePath(audio).as_posix()))
        outside = absolute or ".." in PurePosixPath(name).parts
        source = audio if absolute else f"{folder}/{audio}" if is_address(folder) else str(local_path(folder) / audio)
        yield Recording(source, PurePosixPath(name).name if outside else name)
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ManifestError(f"The manifest {text} has {len(wrong)} wrong lines: {'; '.join(wrong[:5])}{more}.", "Mend them and try again.")


def without_suffix(path: PurePath) -> str:
    """`ann/one.flac` -> `ann/one`."""
    return path.with_suffix("").as_posix()


def refuse_equal_names(recordings: Iterable[Recording]) -> None:
    """TympanError if two transcripts would be written to one file."""
    seen: dict[str, Any] = {}
    for recording in recordings:
        if recording.name in seen:
            raise TympanError(
                f"{seen[recording.name]} and {recording} would both be written as {recording.name}.",
                "Give them to calls with folders of their own.",
            )
        seen[recording.name] = recording
