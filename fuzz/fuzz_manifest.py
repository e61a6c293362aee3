"""Anything at all as a manifest: only TympanError may come out of reading it, checking it and writing it clean.

python fuzz/fuzz_manifest.py CORPUS -max_total_time=60        (libFuzzer's options; `make fuzz` runs it on seeds)

The first byte of the input says what the rest is: the file as it is, or edits (`edits.py`) of a good one's lines.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tympan.data", "tympan.text"]):
    from edits import edited_json
    from seeds import UTTERANCES

    from tympan.data import doctor
    from tympan.data.manifest import read_manifest, write_manifest
    from tympan.errors import TympanError
    from tympan.tokens import TokenTable

warnings.simplefilter("error", RuntimeWarning)  # of numpy's, about numbers that do not fit
FOLDER = tempfile.TemporaryDirectory()
PATH = Path(FOLDER.name) / "train.jsonl"
CLEAN = Path(FOLDER.name) / "clean.jsonl"
TABLE = TokenTable(("<blank>", " ", *"abcdefghijklmnopqrstuvwxyz"))


def manifest_from(data: bytes) -> bytes:
    if data[0] % 2:
        return data[1:]
    lines = [edited_json(fields, data[1 + 8 * at : 9 + 8 * at]) for at, fields in enumerate(UTTERANCES)]
    return b"\n".join(lines) + b"\n"


def test_one(data: bytes) -> None:
    if not data:
        return
    PATH.write_bytes(manifest_from(data))
    for need_text in (True, False):
        with suppress(TympanError):
            utterances = read_manifest(PATH, need_text=need_text)
            rows = [{"audio_filepath": str(each.audio), "duration": each.duration, "text": each.text, "id": each.id} for each in utterances]
            write_manifest(CLEAN, rows)
            assert [each.text for each in read_manifest(CLEAN)] == [each.text for each in utterances]
    with suppress(TympanError):
        corpus = doctor.read([PATH])
        corpus.tokens = TABLE
        report = doctor.examine(corpus)
        report.to_dict()
        list(report.lines())
        if data[0] >= 192:  # its pictures take most of the time
            doctor.to_html(report).encode("utf-8", "replace")
        doctor.clean(report, doctor.outputs([PATH], CLEAN))


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
