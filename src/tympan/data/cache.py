"""Decoded audio on disk: compressed files are decoded once, not in every epoch."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.manifest import Utterance
from tympan.errors import AudioError, ManifestError
from tympan.files import atomic_path, remove_leftovers, write_atomically
from tympan.locks import FileLock

MAX_BAD_SHARE = 0.01
REMAKE = "Remove it and go on with --resume: it is made again."
SCALE = 32768  # int16 full range; the quantisation is 98 dB below it


@dataclass(frozen=True)
class AudioCache:
    """Samples of utterances in one int16 file.

    Attributes:
        path: the file.
        offsets: (n + 1,) int64 sample positions; utterance i is offsets[i]:offsets[i + 1].
        skipped: path -> why, for recordings that could not be read; their length is 0.
        sample_rate: Hz.
    """

    path: Path
    offsets: npt.NDArray[np.int64]
    skipped: dict[str, str]
    sample_rate: int

    def samples(self, index: int, first: int = 0, count: int | None = None) -> npt.NDArray[np.float32]:
        """(N,) float32 in [-1, 1] of utterance `index`, or up to `count` of them from `first` on.

        Read, not mapped: where a disc fails or the file was cut, a mapping ends the process, and reading is an error.

        Raises:
            AudioError: the cache is gone, shorter than it was, or cannot be read.
        """
        start, end = int(self.offsets[index]) + first, int(self.offsets[index + 1])
        end = end if count is None else min(end, start + count)
        if start >= end:
            return np.zeros(0, dtype=np.float32)
        try:
            integers = np.fromfile(self.path, dtype=np.int16, count=end - start, offset=2 * start)
        except OSError as error:
            raise AudioError(f"The decoded audio {self.path} cannot be read ({error.strerror or error}).", REMAKE) from None
        if len(integers) != end - start:
            raise AudioError(f"The decoded audio {self.path} ends before its sample {end:,}.", REMAKE)
        return integers.astype(np.float32) / np.float32(SCALE)

    def durations(self) -> npt.NDArray[np.float64]:
        """(n,) seconds, as decoded."""
        return np.diff(self.offsets) / self.sample_rate


def cache_audio(
    utterances: Sequence[Utterance], folder: Path, sample_rate: int, progress: Callable[[int], None] = lambda done: None
) -> AudioCache:
    """Decode `utterances` into `folder`, or find them there from an earlier run.

    The name of the cache is the hash of every file's path, size and time of change, so a changed recording is read anew.

    Args:
        progress: called with the number of finished utterances.

    Raises:
        ManifestError: more than 1 % of the recordings cannot be read; the first of them are named.
    """
    key = cache_key(utterances, sample_rate)
    data, index = folder / f"{key}.pcm", folder / f"{key}.json"
    if not (data.exists() and index.exists()):
        with alone(folder / f".{key}.lock"):
            if not (data.exists() and index.exists()):  # else another process of this training has made it meanwhile
                remove_leftovers(data)
                offsets, skipped = decode_all(utterances, data, sample_rate, progress)
                write_atomically(index, json.dumps({"offsets": offsets, "skipped": skipped}).encode())
    facts = json.loads(index.read_text())
    skipped = facts["skipped"]
    if len(skipped) > MAX_BAD_SHARE * len(utterances):
        named = "; ".join(list(skipped.values())[:5])
        raise ManifestError(
            f"{len(skipped)} of {len(utterances)} recordings cannot be read: {named}.", "Mend them or take them out of the manifest."
        )
    for reason in skipped.values():
        warnings.warn(f"left out of the training: {reason}", stacklevel=2)
    return AudioCache(data, np.asarray(facts["offsets"], dtype=np.int64), skipped, sample_rate)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one process at a time is within, where the file system knows locks; where it does not, each does the work for itself."""
    lock = FileLock(path)
    try:
        lock.acquire(f"process {os.getpid()}", wait=True)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        lock.release()


def decode_all(
    utterances: Sequence[Utterance], path: Path, sample_rate: int, progress: Callable[[int], None]
) -> tuple[list[int], dict[str, str]]:
    """Write all samples to `path`; the offsets, and why the unreadable ones were left out.

    A recording that ends early is one of them: half of the audio under the whole transcript teaches a network to invent.
    """

    def decode(utterance: Utterance) -> npt.NDArray[np.int16] | str:
        try:
            samples = audio.read(utterance.audio, sample_rate)
        except AudioError as error:
            return error.message
        except audio.TruncatedAudioWarning as warning:
            return str(warning)
        return np.clip(np.rint(samples * SCALE), -SCALE, SCALE - 1).astype(np.int16)

    offsets, skipped = [0], {}
    with (
        warnings.catch_warnings(),
        atomic_path(path) as temporary,
        open(temporary, "wb") as file,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        warnings.simplefilter("error", audio.TruncatedAudioWarning)
        for done, (utterance, result) in enumerate(zip(utterances, pool.map(decode, utterances), strict=True), start=1):
            if isinstance(result, str):
                skipped[str(utterance.audio.resolve())] = result
            else:
                file.write(result.tobytes())
            offsets.append(offsets[-1] + (0 if isinstance(result, str) else len(result)))
            progress(done)
        file.flush()
    return offsets, skipped


def cache_key(utterances: Sequence[Utterance], sample_rate: int) -> str:
    """A hash that changes when a recording or the order of them changes."""
    digest = hashlib.sha256(f"pcm16 {sample_rate}".encode())
    for utterance in utterances:
        try:
            status = utterance.audio.stat()
            facts = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            facts = "missing"
        digest.update(os.fsencode(utterance.audio.resolve()) + f"\0{facts}\n".encode())  # names of old discs are not always UTF-8
    return digest.hexdigest()[:24]
