"""The file of a neural language model: one archive with the network, its token table and facts.

A zip archive without compression, its members these and no other:

    neural.json     format, token table and its hash, size of a state, network, weights for rescoring, facts, length and SHA-256 of:
    model.onnx      tokens (B, L) int64, states (B, S) float32 -> log_probs (B, L, V), states_after (B, S)

Nothing in it is code, nothing of it is unpacked to the disk, and every member is checked before use.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tympan.errors import LMError, TokenError
from tympan.files import atomic_path
from tympan.tokens import TokenTable

FORMAT = 1
HEADER, MODEL = "neural.json", "model.onnx"
MAX_HEADER_BYTES = 16 << 20
MAX_MODEL_BYTES = 2 << 30
MAX_STATE = 1 << 20
MAX_WEIGHT = 1000.0
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # equal contents give equal files
UNIX = 3
# What zipfile raises for a damaged directory.
DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, MemoryError, OSError, OverflowError, RuntimeError, struct.error)
AGAIN = "Make or copy the model again."


@dataclass(frozen=True)
class NeuralFile:
    """What such a file holds, checked.

    Attributes:
        tokens: what the network reads and writes; index 0 stands for the beginning and the end of a sentence.
        state_size: S, numbers in a state.
        graph: the ONNX file's bytes.
        model: family, description and number of parameters of the network.
        rescore_weight, rescore_token_score: of a rescoring, until others are given; natural logarithms.
        facts: what it was trained on and reached; for people.
        path: where it was read from.
    """

    tokens: TokenTable
    state_size: int
    graph: bytes
    model: dict[str, Any] = field(default_factory=dict)
    rescore_weight: float = 0.3
    rescore_token_score: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def open(cls, path: str | Path) -> NeuralFile:
        """Read and check a file.

        Raises:
            LMError: no such file, not one of these, truncated, altered, or of a newer format; the message says which.
        """
        path = Path(path)
        if not path.is_file():
            raise LMError(f"There is no neural language model {path}.", "Make one with `tympan lm train`.")
        try:
            with zipfile.ZipFile(path) as archive:
                header = read_header(archive, path)
                graph = read_member(archive, path, MODEL, MAX_MODEL_BYTES)
            if described(graph) != header["members"].get(MODEL):
                raise LMError(f"{path}: {MODEL} was altered or damaged; its SHA-256 is not the one in {HEADER}.", AGAIN)
            weight, token_score = (checked_weight(header.get(name), name, path) for name in ("rescore_weight", "rescore_token_score"))
            table = TokenTable.from_dict(header["tokens"])
            return cls(table, header["state_size"], graph, header["model"], weight, token_score, header["facts"], path)
        except DAMAGE as error:
            raise LMError(f"{path} is no neural language model of Tympan, or it is truncated ({error}).", AGAIN) from None
        except TokenError as error:
            raise LMError(f"{path}: {error}") from None

    def write(self, path: str | Path) -> None:
        """Write the file to `path`, atomically; equal contents give equal bytes."""
        header = {
            "format": FORMAT,
            "tokens": self.tokens.to_dict(),
            "state_size": self.state_size,
            "model": self.model,
            "rescore_weight": self.rescore_weight,
            "rescore_token_score": self.rescore_token_score,
            "facts": self.facts,
            "members": {MODEL: described(self.graph)},
        }
        text = json.dumps(header, indent=1, ensure_ascii=False, allow_nan=False).encode()
        with atomic_path(Path(path)) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, data in ((HEADER, text), (MODEL, self.graph)):
                info = zipfile.ZipInfo(name, FIXED_DATE)
                info.create_system = UNIX
                archive.writestr(info, data)


def described(data: bytes) -> dict[str, Any]:
    """Length and SHA-256 of a member."""
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read_header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The checked contents of neural.json."""
    names = archive.namelist()
    if HEADER not in names:
        raise LMError(f"{path} is a zip archive without {HEADER}, so it is no neural language model.", "`tympan lm train` makes one.")
    if sorted(names) != sorted((HEADER, MODEL)):
        raise LMError(f"{path} holds other members than {HEADER} and {MODEL}: {', '.join(sorted(names)[:5])}.")
    try:
        header = json.loads(read_member(archive, path, HEADER, MAX_HEADER_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also no UTF-8, and numbers of thousands of digits
        raise LMError(f"{path}: {HEADER} is not JSON ({error}).", AGAIN) from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else None
        raise LMError(f"{path} has format {found} of neural language models; this version reads {FORMAT}.", "Update Tympan.")
    kinds = {"tokens": dict, "state_size": int, "model": dict, "facts": dict, "members": dict}
    for name, kind in kinds.items():
        if not isinstance(header.get(name), kind) or isinstance(header[name], bool):
            raise LMError(f"{path}: {HEADER} has no usable field {name!r}.", AGAIN)
    if not 1 <= header["state_size"] <= MAX_STATE:
        raise LMError(f"{path}: state_size is {header['state_size']}; it must be 1 to {MAX_STATE}.", AGAIN)
    return header


def checked_weight(value: object, name: str, path: Path) -> float:
    """`value`, if it is a number within bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > MAX_WEIGHT:
        raise LMError(f"{path}: {name} is {value!r}, not a number within -{MAX_WEIGHT:g} and {MAX_WEIGHT:g}.", AGAIN)
    return float(value)


def read_member(archive: zipfile.ZipFile, path: Path, name: str, most: int) -> bytes:
    """A member's bytes; compressed or oversized ones are refused before anything is read, so there is no bomb."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise LMError(f"{path}: {name} is compressed, which these members never are.")
    if info.file_size > min(most, path.stat().st_size):
        raise LMError(f"{path}: {name} claims {info.file_size} bytes, which is more than allowed or than the file has.")
    return archive.read(name)
