"""A model's files on their way to the workers.

Each file goes once into the cluster's object store. A worker that finds the same file under its path, by its SHA-256, takes that;
else it writes the file into a temporary folder, opens the model, and removes the folder at once: what is mapped stays readable, and
a worker that is killed later leaves nothing.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tympan.recognizer import NO_SCORER, Recognizer, find_bundle, load

if TYPE_CHECKING:
    from tympan.decoding import SearchOptions


@dataclass(frozen=True)
class Cargo:
    """One file.

    Attributes:
        path: where it lies on the machine that sends it.
        digest: SHA-256.
        content: Ray's reference to its bytes.
    """

    path: Path
    digest: str
    content: Any

    def unload(self, folder: Path) -> Path:
        """The file on this machine: under its own path if it is the same, else written below `folder`."""
        import ray

        if self.path.is_file() and digest_of(self.path) == self.digest:
            return self.path
        written = folder / self.path.name
        written.parent.mkdir(parents=True)
        written.write_bytes(ray.get(self.content).data)
        return written


@dataclass(frozen=True)
class ShippedModel:
    """A model with its options, as `tympan.recognizer.load` takes them.

    Attributes:
        files: "model", and where there are such "scorer", "rescore" and "fuse" -> the file.
        search: options of the search.
        threads: of each worker.
        own_scorer: whether the scorer is the one inside the bundle.
    """

    files: Mapping[str, Cargo]
    search: SearchOptions | None
    threads: int
    own_scorer: bool

    def open(self) -> Recognizer:
        """Load it here; called on a worker, once."""
        with tempfile.TemporaryDirectory(prefix="tympan-", ignore_cleanup_errors=True) as folder:
            paths = {name: cargo.unload(Path(folder) / name) for name, cargo in self.files.items()}
            scorer = None if self.own_scorer else paths.get("scorer", NO_SCORER)
            rescore, fuse = paths.get("rescore"), paths.get("fuse")
            return load(paths["model"], threads=self.threads, scorer=scorer, search=self.search, rescore=rescore, fuse=fuse)

    def facts(self) -> dict[str, Any]:
        """What decides about the transcripts, as plain values."""
        files = {name: cargo.digest for name, cargo in sorted(self.files.items())}
        return {"files": files, "search": asdict(self.search) if self.search else None}


def pack(
    path_or_name: str | Path,
    *,
    threads: int = 1,
    scorer: str | Path | None = None,
    search: SearchOptions | None = None,
    rescore: Path | None = None,
    fuse: Path | None = None,
) -> ShippedModel:
    """Put a model into the object store of the connected cluster.

    Arguments as of `tympan.recognizer.load`; the model is opened here once, so that what is wrong with it is told before anything starts.

    Raises:
        BundleError, LMError, TokenError, TympanError: as `load`.
    """
    recognizer = load(path_or_name, threads=threads, scorer=scorer, search=search, rescore=rescore, fuse=fuse)
    model = find_bundle(path_or_name)
    # The scorer that was found is named, for on the worker's machine another one may lie beside the model, or none.
    found = recognizer.scorer.path if recognizer.scorer is not None else None
    paths = {"model": model, "scorer": None if found == model else found, "rescore": rescore, "fuse": fuse}
    files = {name: load_cargo(path.absolute()) for name, path in paths.items() if path is not None}
    return ShippedModel(files, search, threads, own_scorer=found == model)


def load_cargo(path: Path) -> Cargo:
    """Put one file into the object store, as an array, which workers of one machine share without a copy each."""
    import ray

    return Cargo(path, digest_of(path), ray.put(np.fromfile(path, dtype=np.uint8)))


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
