"""Anything at all as a bundle: only TympanError may come out, and what is opened must transcribe.

python fuzz/fuzz_bundle.py CORPUS -max_total_time=60        (libFuzzer's options; `make fuzz` runs it on seeds)

The first byte of the input says what the rest is: the whole file; a member of a good bundle, whose checksums are made to fit, for they
keep nobody out who can compute them; or edits of its header (`edits.py`).
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import atheris
import numpy as np

with atheris.instrument_imports(include=["tympan", "zipfile"]):
    from edits import edited
    from seeds import BUNDLE_WAYS, bundle_members

    from tympan.bundle import CARD, HEADER, MODEL, SCORER, Bundle
    from tympan.errors import TympanError
    from tympan.recognizer import Recognizer

FOLDER = tempfile.TemporaryDirectory()
PATH = Path(FOLDER.name) / "fuzz.tympan"
NOISE = (0.1 * np.random.default_rng(3).standard_normal(8000)).astype(np.float32)
GOOD = {chunked: bundle_members(Path(FOLDER.name), chunked) for chunked in (False, True)}


def archive_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return file.getvalue()


def facts_of(data: bytes) -> dict[str, Any]:
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def bundle_from(data: bytes) -> bytes:
    """The file that the input means."""
    way = BUNDLE_WAYS[data[0] % len(BUNDLE_WAYS)]
    good = GOOD[data[0] // len(BUNDLE_WAYS) % 2 == 1]
    if way == "whole":
        return data[1:]
    if way == "header":
        return archive_of({**good, HEADER: data[1:]})
    members = dict(good)
    header = json.loads(good[HEADER])
    if way == "edits":
        header = edited(header, data[1:])
    else:
        members[{"graph": MODEL, "card": CARD, "scorer": SCORER}[way]] = data[1:]
        header["members"] = {name: facts_of(member) for name, member in members.items() if name != HEADER}
    return archive_of({**members, HEADER: json.dumps(header).encode()})


def test_one(data: bytes) -> None:
    if not data:
        return
    PATH.unlink(missing_ok=True)  # a new file: the scorer of the old one may still be mapped
    PATH.write_bytes(bundle_from(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers that are too large make wrong texts, which a forged file may
        try:
            bundle = Bundle.open(PATH)
            recognizer = Recognizer(bundle, threads=1)
            recognizer.describe_search()
            transcript = recognizer.transcribe(NOISE, 16_000)
            assert all(0 <= word.start <= word.end <= transcript.duration for word in transcript.words)
            stream = recognizer.stream()
            stream.accept(NOISE, 16_000)
            stream.finish()
            bundle.write(PATH.with_suffix(".again"))
        except TympanError as error:
            told = str(error)
            assert told


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
