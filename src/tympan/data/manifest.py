"""Manifests: one JSON object a line for each utterance.

    {"audio_filepath": "clips/a.flac", "duration": 3.21, "text": "how are you", "speaker": "anna", "id": "a"}

`audio_filepath` is relative to the manifest; `duration` is in seconds; `speaker` and `id` may be missing; other fields are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tympan.errors import ManifestError
from tympan.files import write_atomically
from tympan.tokens import normalize_unicode

LONGEST_S = 1e9  # 31 years: more is a mistake, and would not fit into counts of frames


@dataclass(frozen=True)
class Utterance:
    """One recording with its transcript.

    Attributes:
        id: unique within its manifest.
        audio: path of the recording.
        duration: seconds, as the manifest says.
        text: the transcript, NFC with single spaces; empty if nothing is said.
        speaker: who speaks; empty if not known.
    """

    id: str
    audio: Path
    duration: float
    text: str
    speaker: str = ""


def read_manifest(path: str | Path, *, need_text: bool = True) -> list[Utterance]:
    """The utterances of a manifest, in its order.

    Args:
        path: the manifest.
        need_text: refuse lines without `text` (noise and room responses have none).

    Raises:
        ManifestError: the file is missing or empty, or a line is wrong; up to five wrong lines are named at once.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would cut at U+2028, which JSON leaves as it is
    except FileNotFoundError:
        raise ManifestError(f"There is no manifest {path}.", "Check the path, or the keys data.train and data.dev of the recipe.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"The manifest {path} cannot be read: {error}.", "It must be a text file of JSON lines in UTF-8.") from None
    utterances: list[Utterance] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        line = line.strip("\ufeff")  # left where files with byte-order marks were joined
        if not line.strip():
            continue
        try:
            utterance = parse_line(line, path.parent, need_text=need_text)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        if first := seen.get(utterance.id):
            wrong.append(f"line {number}: the id {utterance.id!r} stands in line {first} too")
        seen[utterance.id] = number
        utterances.append(utterance)
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ManifestError(f"The manifest {path} has {len(wrong)} wrong lines: {'; '.join(wrong[:5])}{more}.", "Mend them and try again.")
    if not utterances:
        example = '{"audio_filepath": "a.wav", "duration": 1.5, "text": "hello"}'
        raise ManifestError(f"The manifest {path} is empty.", f"It needs lines like {example}.")
    return utterances


def parse_line(line: str, folder: Path, *, need_text: bool = True) -> Utterance:
    """One line of a manifest whose paths are relative to `folder`; ValueError says what is wrong with it."""
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at sign {error.pos + 1})") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, deep nesting
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")
    if "\\ud" in line.lower():
        check_storable(fields)
    for key, kind, name in (("audio_filepath", str, "a path"), ("duration", (int, float), "seconds"), ("text", str, "a text")):
        if key not in fields and key == "text" and not need_text:
            continue
        if key not in fields:
            raise ValueError(f"the field {key!r} is missing")
        if not isinstance(fields[key], kind) or isinstance(fields[key], bool):
            raise ValueError(f"{key!r} is {fields[key]!r}, not {name}")
    try:
        duration = float(fields["duration"])
    except OverflowError:
        duration = math.inf
    if not 0 <= duration <= LONGEST_S:  # nor is NaN
        raise ValueError(f"'duration' is {duration}")
    audio = fields["audio_filepath"]
    if not audio or "\0" in audio:
        raise ValueError(f"'audio_filepath' is {audio!r}, which no file can have as its name")
    fields = {key: value for key, value in fields.items() if value is not None}  # an id of null is no id
    return Utterance(
        id=str(fields.get("id", audio)),
        audio=folder / audio,
        duration=duration,
        text=normalize_unicode(fields.get("text", "")),
        speaker=str(fields.get("speaker", "")),
    )


def check_storable(fields: object) -> None:
    """ValueError if JSON spelled half a surrogate pair, which no text file can hold."""
    try:
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no character") from None


def write_manifest(path: str | Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as JSON lines, atomically."""
    write_atomically(Path(path), "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows).encode())
