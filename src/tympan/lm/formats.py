"""Which of the files that hold a language model is this?"""

from __future__ import annotations

import struct
import zipfile
from enum import Enum
from pathlib import Path

from tympan.errors import LMError
from tympan.lm import deepspeech, neural_file
from tympan.lm.ngram import NGram, is_text
from tympan.lm.scorer import HEADER

KENLM_MAGIC = b"mmap lm http://kheafield.com/code"
KENLM_TYPE_OFFSET = 96  # of the u32 in the header; native/ngram/kenlm_header.h draws it
KENLM_TYPES = (
    "probing",
    "rest probing",
    "trie",
    "trie, quantised",
    "trie, compressed pointers",
    "trie, quantised, compressed pointers",
)


class Format(Enum):
    """The files that are known, with a name for people."""

    SCORER = "scorer of Tympan"
    NGRAM = "n-gram of Tympan"
    ARPA = "ARPA file"
    KENLM = "KenLM binary"
    DEEPSPEECH = "scorer of DeepSpeech or Coqui"
    NEURAL = "neural language model of Tympan"


def identify(path: str | Path) -> Format:
    """The format, from the file's bytes; its name plays no part.

    Raises:
        LMError: no such file, none of these, or a damaged one; bundles and other archives are named as such.
    """
    path = Path(path)
    if not path.is_file():
        raise LMError(f"There is no language model {path}.", "Check the path.")
    if zipfile.is_zipfile(path):
        return archive_format(path)
    if is_text(path):
        return Format.ARPA
    with open(path, "rb") as file:
        kenlm = file.read(len(KENLM_MAGIC)) == KENLM_MAGIC
    ngram = NGram.open(path)  # refuses what is unknown
    if not kenlm:
        return Format.NGRAM
    with open(path, "rb") as file:
        file.seek(ngram.native.length)
        return Format.DEEPSPEECH if file.read(len(deepspeech.MAGIC)) == deepspeech.MAGIC else Format.KENLM


def archive_format(path: Path) -> Format:
    """A zip archive is a scorer, or nothing for us."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        raise LMError(f"{path} is a damaged archive ({error}).", "Copy it again.") from None
    if HEADER in names:
        return Format.SCORER
    if neural_file.HEADER in names:
        return Format.NEURAL
    hint = "It is a bundle: `tympan info` tells about it." if "bundle.json" in names else ""
    raise LMError(f"{path} is a zip archive and no language model.", hint)


def kenlm_type(path: Path, offset: int = 0) -> str:
    """How a KenLM binary, which is known to be one, keeps its n-grams."""
    with open(path, "rb") as file:
        file.seek(offset + KENLM_TYPE_OFFSET)
        number = int.from_bytes(file.read(4), "little")
    return KENLM_TYPES[number] if number < len(KENLM_TYPES) else f"type {number}"
