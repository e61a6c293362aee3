"""What the doctor looks at: the lines of manifests, and what is known of their recordings.

corpus = read([Path("train.jsonl"), Path("dev.jsonl")])      # text and durations as the manifests say
corpus.recordings = measure(corpus, jobs=4)                  # each file decoded to its end
corpus.heard = listen(corpus, recognizer)                    # what a model makes of the transcripts
report = examine(corpus)
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan.data.doctor.fingerprint import Copy, find_copies
from tympan.data.doctor.listening import Heard
from tympan.data.doctor.recordings import Recording
from tympan.data.manifest import Utterance, parse_line
from tympan.errors import ManifestError
from tympan.tokens import TokenTable

Seconds = npt.NDArray[np.float64]
DEFAULT_FRAME_S = 0.04  # of log_probs: 10 ms features after a subsampling of 4, the usual one
SPLITS = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev", "test": "test", "eval": "test"}


@dataclass(frozen=True)
class Row:
    """One utterance and where it stands.

    Attributes:
        manifest: its file.
        line: from 1; 0 if it was not read from a file.
        split: "train", "dev" or "test" where the manifest's name says so, else that name.
        utterance: as training would read it.
        written: the transcript as it stands in the file, before NFC and the like.
    """

    manifest: Path
    line: int
    split: str
    utterance: Utterance
    written: str

    @property
    def where(self) -> str:
        """Its file's name and line, or its id if it was not read from a file."""
        return f"{self.manifest.name}:{self.line}" if self.line else self.utterance.id


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no utterance, and why."""

    manifest: Path
    line: int
    reason: str


def assumed_frames(durations: Seconds) -> npt.NDArray[np.int64]:
    """Frames of log_probs of recordings, if nothing is known of the model."""
    return (durations / DEFAULT_FRAME_S + 1e-6).astype(np.int64)


@dataclass
class Corpus:
    """All that the checks may look at.

    Attributes:
        rows: the utterances of all manifests, in order.
        broken: lines that are none.
        remains: manifest -> what an editor left in the file itself ("byte-order mark", "CR LF").
        tokens: the token table, if one is known.
        spell: from a transcript to the text that the table spells: itself, or its phones.
        output_frames: seconds (n,) -> frames of log_probs (n,).
        frames_are: how messages tell where `output_frames` comes from.
        sample_rate: Hz that the model works at.
        min_s, max_s: shortest and longest utterance that training takes.
        recordings: by row, once they are measured.
        heard: by row, once a model has listened; None where it could not.
    """

    rows: Sequence[Row]
    broken: Sequence[BrokenLine] = ()
    remains: Mapping[Path, Sequence[str]] = field(default_factory=dict)
    tokens: TokenTable | None = None
    spell: Callable[[str], str] = str
    output_frames: Callable[[Seconds], npt.NDArray[np.int64]] = assumed_frames
    frames_are: str = f"assuming {DEFAULT_FRAME_S * 1000:.0f} ms a frame of log_probs; --model takes the model's own"
    sample_rate: int = 16_000
    min_s: float = 0.1
    max_s: float = 25.0
    recordings: Sequence[Recording] | None = None
    heard: Sequence[Heard | None] | None = None

    @property
    def offers(self) -> set[str]:
        """What checks may need: "text", "sets", "tokens", "audio", "model"."""
        known = {
            "sets": len({row.split for row in self.rows}) > 1,
            "tokens": self.tokens is not None,
            "audio": self.recordings is not None,
            "model": self.heard is not None,
        }
        return {"text", *(name for name, is_known in known.items() if is_known)}

    @cached_property
    def signs(self) -> Counter[str]:
        """How often each character stands in all transcripts."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts.update(row.utterance.text)
        return counts

    def rows_with(self, signs: Iterable[str]) -> list[tuple[int, set[str]]]:
        """Rows whose transcripts hold any of `signs`, with those that they hold."""
        wanted = set(signs)
        if not wanted:
            return []
        pattern = re.compile(f"[{re.escape(''.join(sorted(wanted)))}]")
        texts = enumerate(row.utterance.text for row in self.rows)
        return [(index, wanted & set(text)) for index, text in texts if pattern.search(text)]

    @property
    def durations(self) -> Seconds:
        """(rows,) seconds: as decoded where that is known, else as the manifest says."""
        said = np.array([row.utterance.duration for row in self.rows], dtype=np.float64)
        if self.recordings is None:
            return said
        measured = np.array([recording.duration_s for recording in self.recordings])
        return np.where(measured > 0, measured, said)

    @cached_property
    def copies(self) -> list[Copy]:
        """Pairs of rows with one recording under two names; needs `recordings`."""
        assert self.recordings is not None
        return find_copies([row.utterance.audio for row in self.rows], self.recordings)


def read(manifests: Sequence[Path]) -> Corpus:
    """The lines of manifests, wrong ones too.

    Raises:
        ManifestError: a file is missing or no UTF-8 text, or none has an utterance.
    """
    rows: list[Row] = []
    broken: list[BrokenLine] = []
    remains: dict[Path, list[str]] = {}
    for manifest in manifests:
        content = read_bytes(manifest)
        remains[manifest] = [name for name, mark in (("byte-order mark", b"\xef\xbb\xbf"), ("CR LF", b"\r\n")) if mark in content]
        split = split_of(manifest)
        for number, line in enumerate(content.decode("utf-8").split("\n"), start=1):
            line = line.strip("\ufeff\r")
            if not line.strip():
                continue
            try:
                utterance = parse_line(line, manifest.parent)
            except ValueError as error:
                broken.append(BrokenLine(manifest, number, str(error)))
                continue
            rows.append(Row(manifest, number, split, utterance, json.loads(line)["text"]))
    if not rows and not broken:
        names = ", ".join(map(str, manifests))
        raise ManifestError(f"There is no utterance in {names}.", "A manifest has one JSON object a line: docs/manifest.md.")
    return Corpus(rows, broken, {path: found for path, found in remains.items() if found})


def read_bytes(manifest: Path) -> bytes:
    """A manifest's bytes, which are UTF-8."""
    try:
        content = manifest.read_bytes()
        content.decode("utf-8")
    except FileNotFoundError:
        raise ManifestError(f"There is no manifest {manifest}.", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"The manifest {manifest} cannot be read: {error}.", "It must be a text file of JSON lines in UTF-8.") from None
    return content


def from_utterances(sets: Iterable[tuple[Path, str, Sequence[Utterance]]]) -> Corpus:
    """A corpus of what `read_manifest` gave: manifest, split and utterances of each."""
    return Corpus([Row(manifest, 0, split, utterance, utterance.text) for manifest, split, found in sets for utterance in found])


def split_of(manifest: Path) -> str:
    """The split that a manifest's name tells: "train" for train-clean.jsonl; the name itself if it tells none."""
    words = re.split(r"[^a-z]+", manifest.stem.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), str(manifest))
