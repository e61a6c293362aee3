"""Making a cache, or what is missing of it.

    plan = plan_cache(utterances, folder, Waveform(16_000))
    plan.bytes_needed                                        # told before anything is written
    cache = AudioCache.of(plan.make(progress))

Any number of processes may do this at once: each shard is made by one of them, and a process that finds it locked takes another.
Killed at any moment, the next one goes on with the shards that are not there.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.cache.contents import Content, Kept, truncation_is_an_error
from tympan.data.cache.shards import Part, Shard, plan_shards
from tympan.data.manifest import Utterance
from tympan.errors import AudioError, ManifestError
from tympan.files import remove_leftovers
from tympan.locks import alone

MAX_BAD_SHARE = 0.01
ROOM_TO_SPARE = 64 << 20  # bytes that must stay free

Progress = Callable[[int], None]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Made:
    """Where what was kept of each utterance lies.

    Attributes:
        content: what it is.
        files: data files, one a shard.
        shards: (n,) index into `files`.
        starts: (n,) rows before it in its file.
        rows: (n,) rows.
        lengths: (n,) samples.
        skipped: index -> why, for recordings that cannot be used; they have no rows.
    """

    content: Content
    files: tuple[Path, ...]
    shards: Numbers
    starts: Numbers
    rows: Numbers
    lengths: Numbers
    skipped: dict[int, str]


@dataclass(frozen=True)
class CachePlan:
    """What is to be kept of utterances, and what is there already.

    Attributes:
        recordings: absolute paths, by utterance.
        folder, content: where, and what.
        shards: of all recordings, with what is there of them.
        bytes_needed: that the missing ones will take, by the durations of the manifest.
    """

    recordings: Sequence[Path]
    folder: Path
    content: Content
    shards: Mapping[Shard, Part | None]
    bytes_needed: int

    def make(self, progress: Progress = lambda done: None) -> Made:
        """Make what is missing.

        Args:
            progress: called with the number of finished utterances.

        Raises:
            ManifestError: there is no room, or more than 1 % of the recordings cannot be read; the first of them are named.

        Warns:
            UserWarning: of each recording that is left out.
        """
        missing = [shard for shard, part in self.shards.items() if part is None]
        if missing:
            self.check_room()
        found = dict(self.shards)
        done = len(self.recordings) - sum(len(shard.recordings) for shard in missing)
        with truncation_is_an_error(), ThreadPoolExecutor(os.cpu_count()) as pool:
            for wait in (False, True):  # first those that nobody makes, then what others were making: it is there, or they died
                for shard in missing:
                    with alone(shard.lock, wait=wait) as free:
                        part = shard.read(self.content)
                        if part is None and free:
                            part = make_shard(shard, self.content, pool, counting(progress, done))
                    if part is not None:
                        found[shard] = part
                        done += len(shard.recordings)
                        progress(done)
                missing = [shard for shard in missing if found[shard] is None]
        progress(len(self.recordings))
        return self.made(found)

    def check_room(self) -> None:
        """ManifestError if the disk cannot take what is missing."""
        home = self.folder.absolute()
        while not home.exists():
            home = home.parent
        free = shutil.disk_usage(home).free - ROOM_TO_SPARE
        if self.bytes_needed > free:
            raise ManifestError(
                f"The cache needs about {spoken_bytes(self.bytes_needed)} in {self.folder}, where {spoken_bytes(max(0, free))} are free.",
                "Make room, name another folder (data.cache), or decode in every epoch (data.cache_kind: none).",
            )

    def made(self, parts: Mapping[Shard, Part | None]) -> Made:
        """Look up each utterance."""
        places: dict[Path, tuple[int, int, int, int]] = {}
        errors: dict[Path, str] = {}
        for number, (shard, part) in enumerate(parts.items()):
            assert part is not None
            starts = np.cumsum(part.rows) - part.rows
            facts = zip(starts.tolist(), part.rows.tolist(), part.samples.tolist(), strict=True)
            places |= {recording: (number, *row) for recording, row in zip(shard.recordings, facts, strict=True)}
            errors |= {shard.recordings[place]: reason for place, reason in part.errors.items()}
        table = np.array([places[recording] for recording in self.recordings], np.int64).reshape(-1, 4)
        skipped = {index: errors[recording] for index, recording in enumerate(self.recordings) if recording in errors}
        tell_skipped(skipped, len(self.recordings))
        shards, starts, rows, lengths = (column.copy() for column in table.T)
        return Made(self.content, tuple(shard.data for shard in parts), shards, starts, rows, lengths, skipped)


def plan_cache(utterances: Sequence[Utterance], folder: Path, content: Content) -> CachePlan:
    """Look what is there; nothing is decoded or written."""
    recordings = [Path(os.path.abspath(utterance.audio)) for utterance in utterances]
    shards = plan_shards(recordings, folder, content)
    found = {shard: shard.read(content) for shard in shards}
    seconds = {recording: utterance.duration for recording, utterance in zip(recordings, utterances, strict=True)}
    needed = sum(seconds[recording] for shard, part in found.items() if part is None for recording in shard.recordings)
    return CachePlan(recordings, folder, content, found, round(needed * content.bytes_per_second))


def make_shard(shard: Shard, content: Content, pool: ThreadPoolExecutor, progress: Progress) -> Part:
    """Read the shard's recordings and keep them; ManifestError if they cannot be written."""

    def take(recording: Path) -> Kept | str:
        try:
            return content.take(recording)
        except AudioError as error:
            return error.message
        except audio.TruncatedAudioWarning as warning:
            return str(warning)

    def counted() -> Iterator[Kept | str]:
        for done, found in enumerate(pool.map(take, shard.recordings), start=1):
            yield found
            if done < len(shard.recordings):
                progress(done)

    remove_leftovers(shard.data)
    try:
        return shard.write(content, counted())
    except OSError as error:
        hint = "Make room, name another folder (data.cache), or decode in every epoch (data.cache_kind: none)."
        raise ManifestError(f"The cache {shard.data} cannot be written: {error.strerror or error}.", hint) from None


def counting(progress: Progress, before: int) -> Progress:
    """Progress within a part of the whole."""
    return lambda done: progress(before + done)


def tell_skipped(skipped: dict[int, str], count: int) -> None:
    """Warn of each recording that is left out; ManifestError if they are more than 1 % of `count`."""
    if len(skipped) > MAX_BAD_SHARE * count:
        named = "; ".join(list(skipped.values())[:5])
        raise ManifestError(f"{len(skipped)} of {count} recordings cannot be read: {named}.", "Mend them or take them out of the manifest.")
    for reason in skipped.values():
        warnings.warn(f"left out of the training: {reason}", stacklevel=4)


def spoken_bytes(count: int) -> str:
    """Bytes, as one would say it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
