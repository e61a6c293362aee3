"""The log_probs of many utterances, computed once and kept: what is tuned later needs no network."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan import audio
from tympan.data.manifest import Utterance
from tympan.errors import AudioError, ManifestError
from tympan.files import atomic_path
from tympan.recognizer import Recognizer

LogProbs = npt.NDArray[np.float32]
Pieces = tuple[LogProbs, ...]


@dataclass(frozen=True)
class Emissions:
    """What a network says about utterances.

    Attributes:
        utterances: those that could be read, in their order.
        log_probs: by utterance its pieces, (T, V) natural log each.
        failed: id -> why, for recordings that could not be read.
        cached: whether they come from the cache.
    """

    utterances: tuple[Utterance, ...]
    log_probs: tuple[Pieces, ...]
    failed: dict[str, str]
    cached: bool = False


def compute(
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    *,
    cache: Path | None = None,
    threads: int = 1,
    progress: Callable[[int], object] = lambda done: None,
) -> Emissions:
    """Run the network over utterances, or take what was kept of an earlier run.

    Args:
        recognizer: the model.
        utterances: of one or more manifests.
        cache: a folder; the file's name is a hash of the model, the utterances, and size and time of each recording. A recording
            that cannot be read keeps the file from being written.
        threads: utterances at a time.
        progress: called with the number of finished utterances.

    Raises:
        ManifestError: no recording could be read.
    """
    path = cache / f"{fingerprint(recognizer, utterances)}.npz" if cache is not None else None
    if path is not None and (kept := read(path, len(utterances))) is not None:
        progress(len(utterances))
        return Emissions(tuple(utterances), kept, {}, cached=True)
    found: list[Pieces | str] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for result in pool.map(lambda utterance: pieces_of(recognizer, utterance), utterances):
            found.append(result)
            progress(len(found))
    pairs = list(zip(utterances, found, strict=True))
    read_ones = [(utterance, pieces) for utterance, pieces in pairs if not isinstance(pieces, str)]
    failed = {utterance.id: reason for utterance, reason in pairs if isinstance(reason, str)}
    if not read_ones:
        raise ManifestError("None of the recordings could be read.", next(iter(failed.values()), ""))
    if path is not None and not failed:
        write(path, [pieces for _, pieces in read_ones])
    return Emissions(tuple(utterance for utterance, _ in read_ones), tuple(pieces for _, pieces in read_ones), failed)


def pieces_of(recognizer: Recognizer, utterance: Utterance) -> Pieces | str:
    """The log_probs of one recording, cut as `Recognizer.transcribe` cuts it; or why it cannot be read."""
    try:
        return tuple(recognizer.log_probs(piece.samples) for piece in recognizer.pieces(utterance.audio, None))
    except AudioError as error:
        return str(error)


def fingerprint(recognizer: Recognizer, utterances: Sequence[Utterance]) -> str:
    """Changes with the model, the utterances, and the recordings' files."""
    digest = hashlib.sha256(recognizer.bundle.path.read_bytes())
    for utterance in utterances:
        stamp = audio.stamp(utterance.audio) or ()
        digest.update(json.dumps([utterance.id, str(utterance.audio.resolve()), *stamp]).encode() + b"\n")
    return digest.hexdigest()[:32]


def write(path: Path, log_probs: Sequence[Pieces]) -> None:
    """All frames in one array, frames of each piece, pieces of each utterance; no pickle."""
    pieces = [piece for pieces in log_probs for piece in pieces]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    counts = np.array([len(pieces) for pieces in log_probs], dtype=np.int64)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, counts=counts, lengths=lengths, frames=np.concatenate(pieces))


def read(path: Path, utterances: int) -> tuple[Pieces, ...] | None:
    """What `write` kept; None if there is no such file, or it is damaged, which costs only time."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            counts, lengths, frames = arrays["counts"], arrays["lengths"], arrays["frames"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, struct.error):
        return None
    if len(counts) != utterances or counts.sum() != len(lengths) or lengths.sum() != len(frames):
        return None
    pieces = iter(np.split(frames, np.cumsum(lengths)[:-1]))
    return tuple(tuple(next(pieces) for _ in range(count)) for count in counts.tolist())
