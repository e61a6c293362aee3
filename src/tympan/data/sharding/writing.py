"""Writing shards: all of them and their manifest appear at once, or nothing does.

DIR/manifest.jsonl         "audio_filepath": "shards/shard-000000.tar/key.opus", all other fields as they were
DIR/shards/...             of the layout
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tympan import audio
from tympan.data.manifest import read_manifest, write_manifest
from tympan.data.sharding.layout import Layout, Packed, add_file, key_of
from tympan.data.sharding.shar import Shar
from tympan.data.sharding.webdataset import WebDataset
from tympan.errors import AudioError, ManifestError, TympanError
from tympan.files import atomic_path, sync_folder, write_atomically
from tympan.locks import alone

LAYOUTS: dict[str, type[WebDataset] | type[Shar]] = {layout.name: layout for layout in (WebDataset, Shar)}
MANIFEST, SHARDS = "manifest.jsonl", "shards"
AROUND = 5 * tarfile.BLOCKSIZE  # two headers, the rest of the last blocks, and what Shar's JSON may have more than the fields
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
SMALLEST = 10_000  # bytes; tar itself writes blocks of 10,240
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        manifest: leads to the recordings in the shards.
        archives: their names.
        utterances, seconds, bytes: in all.
    """

    manifest: Path
    archives: Sequence[str]
    utterances: int
    seconds: float
    bytes: int


def shard(
    manifest: Path,
    output: Path,
    *,
    layout: str = "wds",
    shard_size: int = 10**9,
    seed: int | None = None,
    progress: Progress = lambda done: None,
) -> Written:
    """Copy the recordings of a manifest into tar archives; none is decoded or changed.

    Args:
        manifest: of recordings, in files or in other shards.
        output: a folder that is not there yet, or empty.
        layout: one of LAYOUTS.
        shard_size: bytes of an archive, at most; a larger recording has one for itself.
        seed: shuffle the utterances, for readers that stream shard by shard; None keeps the manifest's order.
        progress: called with the number of utterances that are done.

    Raises:
        ManifestError: the manifest cannot be read, or recordings are missing; the first of them are named.
        TympanError: the folder is not empty, another process writes it, or there is no room.
    """
    if layout not in LAYOUTS or shard_size < SMALLEST:
        raise TympanError(
            f"Shards of the layout {layout!r} and of {shard_size} bytes cannot be written.", f"Layouts: {', '.join(LAYOUTS)}."
        )
    items = gather(manifest)
    if seed is not None:
        random.Random(seed).shuffle(items)
    check_output(output, sum(item.size for item in items))
    with new_folder(output) as folder:
        rows: list[dict[str, object]] = []
        archives = []
        for number, members in enumerate(groups(items, shard_size)):
            archives.append(write_shard(LAYOUTS[layout](), number, members, folder / SHARDS, lambda done: progress(len(rows) + done)))
            for item in members:
                rows.append({"audio_filepath": f"{SHARDS}/{archives[-1]}/{item.member}", **item.fields})
        write_manifest(folder / MANIFEST, rows)
        size = sum(path.stat().st_size for path in (folder / SHARDS).iterdir())
    return Written(output / MANIFEST, archives, len(items), sum(float(item.fields["duration"]) for item in items), size)


def gather(manifest: Path) -> list[Packed]:
    """The utterances of a manifest with all their fields; ManifestError names recordings that are not there."""
    utterances = read_manifest(manifest, need_text=False)
    lines = [line.strip("\ufeff") for line in manifest.read_text(encoding="utf-8").split("\n")]
    rows = [json.loads(line) for line in lines if line.strip()]
    taken: set[str] = set()
    items, missing = [], []
    for utterance, fields in zip(utterances, rows, strict=True):
        try:
            size = audio.size_of(utterance.audio)
        except AudioError as error:
            missing.append(error.message)
            continue
        fields = {**{name: value for name, value in fields.items() if name != "audio_filepath"}, "id": utterance.id}
        items.append(Packed(key_of(utterance.id, taken), fields, utterance.audio, size))
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ManifestError(
            f"{len(missing)} of {len(rows)} recordings of {manifest} are not there: {'; '.join(missing[:5])}{more}.",
            "Take them out: tympan data doctor MANIFEST --fix CLEAN.",
        )
    return items


def groups(items: Sequence[Packed], shard_size: int) -> Iterator[list[Packed]]:
    """Recordings in order, as many as an archive of `shard_size` holds, by a cautious count."""
    members: list[Packed] = []
    used = tarfile.RECORDSIZE
    for item in items:
        needed = item.size + AROUND + len(json.dumps(item.fields))
        if members and used + needed > shard_size:
            yield members
            members, used = [], tarfile.RECORDSIZE
        members.append(item)
        used += needed
    yield members


def write_shard(layout: Layout, number: int, members: Sequence[Packed], folder: Path, progress: Progress) -> str:
    """One archive and its lists; the archive's name."""
    name = layout.archive(number)
    with atomic_path(folder / name) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for done, packed in enumerate(members, start=1):
            with audio.opened(packed.path) as (file, _):
                add_file(archive, packed.member, file, packed.size)
            beside = layout.beside(packed)
            add_file(archive, f"{packed.key}.json", beside, len(beside))
            progress(done)
    for other, content in layout.lists(number, members).items():
        write_atomically(folder / other, content)
    return name


def check_output(output: Path, size: int) -> None:
    """TympanError if the folder holds anything, or the disk has no room for so many bytes."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise TympanError(f"{output} is there already, and not empty.", "Name another folder; nothing is ever written over.")
    home = output.absolute().parent
    while not home.exists():
        home = home.parent
    free = shutil.disk_usage(home).free
    if size > free:
        raise TympanError(f"The shards need {size / 1e9:.1f} GB in {output}, where {free / 1e9:.1f} GB are free.", "Name another disk.")


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """A folder that becomes `output` when all goes well; what a killed process left of it is removed."""
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = output.with_name(f".{output.name}.part")
    with alone(output.with_name(f".{output.name}.lock"), wait=False) as free:
        if not free:
            raise TympanError(f"Another process writes {output} now.", "Wait for it, or name another folder.")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
            if output.exists():
                output.rmdir()
            os.replace(folder, output)
            sync_folder(output.parent)
        except OSError as error:
            raise TympanError(f"The shards cannot be written to {output}: {error.strerror or error}.", "Is there room?") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def parse_size(text: str) -> int:
    """500MB, 1GB, 2GiB or a number of bytes; TympanError for anything else, and for what is too small for an archive."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", text.strip().lower())
    if found is None or found[2] not in UNITS or (size := round(float(found[1]) * UNITS[found[2]])) < SMALLEST:
        raise TympanError(f"{text!r} is no size of a shard.", "Say 500MB, 1GB or 2GiB; 10 kB is the least.")
    return size
