"""The bundle: one `.tympan` file that holds all that transcribing needs.

A zip archive without compression. Its first member is `bundle.json`; the others are named there with length and SHA-256:

    bundle.json     format, features, normalization, tokens, frame shift, facts about the training, members
    model.onnx      the network: features (B, T, F), lengths (B,) -> log_probs (B, T', V), output_lengths (B,); of other families than
                    CTC the encoder. If it hears chunks too, it takes and gives what is kept between them (`tympan.engines.chunks`)
    decoder.onnx    attention, neural-transducer: one step of the speller
    predictor.onnx, joiner.onnx   transducer
    README.md       the model card, optional
    model.scorer    a scorer, itself an archive (see `tympan.lm.scorer`), mapped where it lies; optional

Nothing in it is code, and nothing of it is unpacked to the disk. Every member is checked before use; names other than these
are refused, so no path can lead out of the archive.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tympan.errors import BundleError, TokenError
from tympan.files import atomic_path
from tympan.tokens import TokenTable

FORMAT = 1
FAMILIES_FORMAT = 2  # of bundles of other families than CTC, which a reader of format 1 could not decode
CHUNKS_FORMAT = 3  # of CTC networks that hear chunks: their graph takes more than features and lengths
FORMATS = (FORMAT, FAMILIES_FORMAT, CHUNKS_FORMAT)
HEADER = "bundle.json"
MODEL = "model.onnx"
CARD = "README.md"
SCORER = "model.scorer"
MEMBERS = (MODEL, CARD, SCORER)
GRAPHS = {  # the graphs of a family beside MODEL, by the stem of their member
    "ctc": (),
    "attention": ("decoder",),
    "neural-transducer": ("decoder",),
    "transducer": ("predictor", "joiner"),
}
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # of a zip's member
MAX_HEADER_BYTES = 4 << 20
MAX_MEMBER_BYTES = 2 << 30
TOO_LARGE = "Let it lie beside the bundle, with the same stem, or prune it: `tympan lm build --prune`."
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # equal contents give equal files
UNIX = 3  # said to be the archive's origin on every system, for the same reason

# What zipfile raises for a damaged directory, places and sizes beyond 64 bits among it (OverflowError, MemoryError).
DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)

FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": int,
    "name": str,
    "language": str,
    "features": dict,
    "normalization": dict,
    "tokens": dict,
    "frame_shift_s": (int, float),
    "model": dict,
    "training": dict,
    "members": dict,
}


@dataclass(frozen=True)
class Bundle:
    """A checked bundle.

    Attributes:
        path: where it was read from.
        name, language: of the model.
        features, normalization: configurations for `tympan.features`.
        tokens: the token table.
        frame_shift_s: seconds between two frames of log_probs.
        model: family, description and number of parameters of the network, "float32" or "int8" weights.
        training: what the model was trained on and reached; for people.
        graph: the ONNX file's bytes; of other families than CTC, the encoder's.
        card: the model card, Markdown; may be empty.
        scorer: where a scorer lies: a file, the offset and the length within it; None if there is none.
        graphs: the family's other ONNX files, by name as in `GRAPHS`.
    """

    path: Path
    name: str
    language: str
    features: dict[str, Any]
    normalization: dict[str, Any]
    tokens: TokenTable
    frame_shift_s: float
    model: dict[str, Any]
    training: dict[str, Any]
    graph: bytes
    card: str = ""
    scorer: tuple[Path, int, int] | None = None
    graphs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """One of `GRAPHS`; a network by any other name is read as CTC's."""
        named = str(self.model.get("family"))
        return named if named in GRAPHS else "ctc"

    @property
    def chunks(self) -> dict[str, Any] | None:
        """How the network hears chunks, as `tympan.engines.chunks.Geometry` reads it; None if it hears whole utterances only."""
        streaming = self.model.get("streaming")
        return streaming if self.family == "ctc" and isinstance(streaming, dict) and "memories" in streaming else None

    @property
    def format(self) -> int:
        """The oldest format that can hold it."""
        if self.family != "ctc":
            return FAMILIES_FORMAT
        return FORMAT if self.chunks is None else CHUNKS_FORMAT

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Read and check a bundle.

        Raises:
            BundleError: no such file, not a bundle, truncated, altered, or of a newer format; the message says which.
        """
        path = Path(path)
        if not path.is_file():
            raise BundleError(f"There is no bundle {path}.", "Check the path; `tympan info` without a path lists the models inside.")
        try:
            with zipfile.ZipFile(path) as archive:
                header = read_header(archive, path)
                members = {name: read_member(archive, path, name, facts) for name, facts in header["members"].items()}
                scorer = (path, *place_of(archive, path, SCORER)) if SCORER in members else None
            return cls(
                path,
                header["name"],
                header["language"],
                header["features"],
                header["normalization"],
                TokenTable.from_dict(header["tokens"]),
                float(header["frame_shift_s"]),
                header["model"],
                header["training"],
                members[MODEL],
                members.get(CARD, b"").decode("utf-8"),
                scorer,
                {name: members[f"{name}.onnx"] for name in GRAPHS[family_of(header, path)]},
            )
        except DAMAGE as error:
            raise BundleError(
                f"{path} is not a bundle, or it is truncated ({error}).", "Export it again with `tympan export`, or copy it again."
            ) from None
        except TokenError as error:
            raise BundleError(f"{path}: {error}") from None

    def write(self, path: str | Path) -> None:
        """Write the bundle to `path`, atomically; equal contents give equal bytes.

        Raises:
            BundleError: the scorer is gone, or larger than a member may be.
        """
        contents = {MODEL: self.graph, **{f"{name}.onnx": graph for name, graph in self.graphs.items()}}
        contents |= {CARD: self.card.encode()} if self.card else {}
        if self.scorer is not None:
            contents[SCORER] = read_scorer(*self.scorer)
        header = {
            "format": self.format,
            "name": self.name,
            "language": self.language,
            "features": self.features,
            "normalization": self.normalization,
            "tokens": self.tokens.to_dict(),
            "frame_shift_s": self.frame_shift_s,
            "model": self.model,
            "training": self.training,
            "members": {name: {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in contents.items()},
        }
        text = json.dumps(header, indent=1, ensure_ascii=False, allow_nan=False).encode()
        with atomic_path(Path(path)) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, data in {HEADER: text, **contents}.items():
                info = zipfile.ZipInfo(name, FIXED_DATE)
                info.create_system = UNIX
                archive.writestr(info, data)


def read_scorer(path: Path, offset: int, length: int) -> bytes:
    """The bytes of a scorer in a file; BundleError if they cannot be a member."""
    if length > MAX_MEMBER_BYTES:
        raise BundleError(f"The scorer in {path} has {length} bytes, more than a bundle's member may have ({MAX_MEMBER_BYTES}).", TOO_LARGE)
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(length)
    except OSError as error:
        raise BundleError(f"The scorer in {path} cannot be read ({error}).") from None
    if len(data) != length:
        raise BundleError(f"The scorer in {path} has {len(data)} bytes where it had {length}; the file was changed meanwhile.")
    return data


def read_header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The checked contents of bundle.json."""
    names = [info.filename for info in archive.infolist()]
    if HEADER not in names:
        raise BundleError(f"{path} is a zip archive without {HEADER}, so it is no bundle of Tympan.")
    data = read_stored(archive, path, HEADER, MAX_HEADER_BYTES)
    try:
        header = json.loads(data.decode("utf-8"))
        json.dumps(header, ensure_ascii=False, allow_nan=False).encode()  # Python reads NaN, infinity and half a surrogate pair
    except (ValueError, RecursionError) as error:  # also no UTF-8, and numbers of thousands of digits
        raise BundleError(f"{path}: {HEADER} is not JSON ({error}).") from None
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise BundleError(f"{path}: {HEADER} gives no format.")
    if header["format"] not in FORMATS:
        known = f"{FORMAT} to {FORMATS[-1]}"
        raise BundleError(f"{path} has bundle format {header['format']}; this version reads {known}.", "Update Tympan.")
    for name, kind in FIELDS.items():
        if not isinstance(header.get(name), kind) or isinstance(header.get(name), bool):
            raise BundleError(f"{path}: {HEADER} has no usable field {name!r}.")
    if not 0 < header["frame_shift_s"] <= 1:  # nor is NaN
        raise BundleError(f"{path}: frame_shift_s is {header['frame_shift_s']}.")
    graphs = [f"{name}.onnx" for name in GRAPHS[family_of(header, path)]]
    foreign = sorted(set(names) - {HEADER, *header["members"]}) + sorted(set(header["members"]) - {*MEMBERS, *graphs})
    if foreign or len(names) != len(set(names)):
        raise BundleError(f"{path} holds members that a bundle does not have: {foreign[:3] or 'one twice'}.")
    if missing := [name for name in (MODEL, *graphs) if name not in header["members"]]:
        raise BundleError(f"{path} holds no {missing[0]}.")
    return header


def family_of(header: Mapping[str, Any], path: Path) -> str:
    """The family that a header names, in formats 1 and 3 always CTC; BundleError if it is none that the format can hold."""
    family = header["model"].get("family", "ctc")
    others = [name for name in GRAPHS if name != "ctc"]
    if header["format"] in (FORMAT, CHUNKS_FORMAT) and family not in others:
        return "ctc"
    if header["format"] in (FORMAT, CHUNKS_FORMAT) or family == "ctc":
        raise BundleError(f"{path} has bundle format {header['format']}, which holds no model of family {family}.")
    if not isinstance(family, str) or family not in others:
        raise BundleError(f"{path} holds a model of family {family!r}; this version knows {', '.join(GRAPHS)}.", "Update Tympan.")
    return family


def read_member(archive: zipfile.ZipFile, path: Path, name: str, facts: Mapping[str, Any]) -> bytes:
    """One member, compared with the length and hash that the header gives."""
    if not isinstance(facts, dict) or not isinstance(facts.get("length"), int):
        raise BundleError(f"{path}: {HEADER} does not describe {name}.")
    if name not in archive.namelist():
        raise BundleError(f"{path}: the member {name} is missing.")
    data = read_stored(archive, path, name, MAX_MEMBER_BYTES)
    if len(data) != facts["length"] or hashlib.sha256(data).hexdigest() != facts.get("sha256"):
        raise BundleError(f"{path}: {name} was altered or damaged; its SHA-256 is not the one in {HEADER}.", "Copy or export it again.")
    return data


def place_of(archive: zipfile.ZipFile, path: Path, name: str) -> tuple[int, int]:
    """Offset and length in the file of a member that was read before."""
    info = archive.getinfo(name)
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        fields = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    return info.header_offset + LOCAL_HEADER.size + fields[-2] + fields[-1], info.file_size


def read_stored(archive: zipfile.ZipFile, path: Path, name: str, most: int) -> bytes:
    """A member's bytes; compressed or oversized ones are refused before anything is read, so there is no bomb."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise BundleError(f"{path}: {name} is compressed, which a bundle's members never are.")
    if info.file_size > min(most, path.stat().st_size):
        raise BundleError(f"{path}: {name} claims {info.file_size} bytes, which is more than allowed or than the file has.")
    return archive.read(name)
