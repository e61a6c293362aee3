"""Shards of a cache: two files for a hundred recordings or so, a list of numbers in JSON and their rows behind each other.

    KEY.json   {"format": 1, "content": "waveform-16000", "samples": [16000, 0], "rows": [16000, 0], "errors": {"1": "b.wav is ..."}}
    KEY.pcm    rows of the first recording, then of the second

The key is a hash of content, paths, sizes and times of change: what changed has another key, so nothing stale is ever found. Shards are
cut where the hash of a path says so, not after so many: a recording that is added or removed changes one shard and moves no other's
borders. The list is written last, and its sums must be the size of the data: a shard is whole or is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.cache.contents import Content, Kept
from tympan.files import atomic_path, write_atomically

FORMAT = 1
MEAN, MOST = 128, 512  # recordings in a shard; 128 of twelve seconds are 49 MB


@dataclass(frozen=True)
class Part:
    """What a shard holds, by recording: samples, rows, and why there are none (place -> reason)."""

    samples: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    errors: dict[int, str]


@dataclass(frozen=True)
class Shard:
    """Recordings that are kept together.

    Attributes:
        recordings: absolute paths, sorted.
        data: the file of rows; the list lies beside it.
    """

    recordings: tuple[Path, ...]
    data: Path

    @property
    def list(self) -> Path:
        return self.data.with_suffix(".json")

    @property
    def lock(self) -> Path:
        return self.data.with_name(f".{self.data.stem}.lock")

    def read(self, content: Content) -> Part | None:
        """What was kept; None if that is not there, or not whole."""
        try:
            facts = json.loads(self.list.read_bytes())
            part = Part(
                numbers(facts["samples"], len(self.recordings)),
                numbers(facts["rows"], len(self.recordings)),
                {int(place): str(reason) for place, reason in facts["errors"].items()},
            )
            expected = int(part.rows.sum()) * content.dtype.itemsize * max(1, content.width)
            if facts["format"] != FORMAT or self.data.stat().st_size != expected or not set(part.errors) <= set(range(len(part.rows))):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None
        return part

    def write(self, content: Content, kept: Iterable[Kept | str]) -> Part:
        """Keep what each recording gave; a text says why one cannot be used."""
        samples, rows, errors = [], [], {}
        with atomic_path(self.data) as temporary, open(temporary, "wb") as file:
            for place, found in enumerate(kept):
                if isinstance(found, str):
                    errors[place] = found
                    found = Kept(0, np.zeros(0, content.dtype))
                file.write(np.ascontiguousarray(found.rows, content.dtype).tobytes())
                samples.append(found.samples)
                rows.append(len(found.rows))
            file.flush()
        facts = {"format": FORMAT, "content": content.name, "samples": samples, "rows": rows, "errors": errors}
        write_atomically(self.list, json.dumps(facts).encode("ascii"))
        return Part(np.array(samples, np.int64), np.array(rows, np.int64), errors)


def numbers(listed: Any, count: int) -> npt.NDArray[np.int64]:
    """`count` numbers, none below 0; ValueError if it is anything else."""
    if not isinstance(listed, list) or len(listed) != count or not all(type(number) is int and number >= 0 for number in listed):
        raise ValueError("no list of numbers")
    return np.array(listed, np.int64)


def plan_shards(recordings: Iterable[Path], folder: Path, content: Content) -> list[Shard]:
    """The shards that hold `recordings`, each once; a function of paths, sizes and times of change alone."""
    return [
        Shard(members, folder / content.name / f"{key_of(members, content)}{content.suffix}") for members in groups(sorted(set(recordings)))
    ]


def groups(recordings: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """Cut behind each recording that ends a shard, and after MOST."""
    members: list[Path] = []
    for recording in recordings:
        members.append(recording)
        if len(members) == MOST or ends_shard(recording):
            yield tuple(members)
            members = []
    if members:
        yield tuple(members)


def ends_shard(recording: Path) -> bool:
    """By its name and its folder's, so that a corpus that is moved is cut as before."""
    digest = hashlib.blake2b(os.fsencode("/".join(recording.parts[-2:])), digest_size=4).digest()
    return int.from_bytes(digest, "big") % MEAN == 0


def key_of(recordings: Sequence[Path], content: Content) -> str:
    """A hash that changes when a recording, the selection of them, or what is kept of them changes."""
    digest = hashlib.sha256(f"{FORMAT} {content.name}\n".encode())
    for recording in recordings:
        digest.update(os.fsencode(recording) + f"\0{audio.stamp(recording)}\n".encode())  # names of old discs are not always UTF-8
    return digest.hexdigest()[:24]
