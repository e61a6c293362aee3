"""`tympan data shard`: recordings become tar shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.flags import Json


def shard(
    manifest: Annotated[Path, typer.Argument(help="JSON lines with audio_filepath, duration, text.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder, for the shards and their manifest.")],
    shard_size: Annotated[str, typer.Option("--shard-size", help="The most that an archive holds: 500MB, 1GB, 2GiB.")] = "1GB",
    layout: Annotated[str, typer.Option("--format", "-f", help="wds (WebDataset) or shar (lhotse).")] = "wds",
    seed: Annotated[
        int | None, typer.Option("--seed", help="Shuffle first, for readers that stream; ours reads any order.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy the recordings of a manifest into tar archives, and write a manifest that leads into them.

    The recordings stay as they are. DIR/manifest.jsonl is read by every command, as the old one was; DIR/shards by WebDataset, or by
    lhotse. A folder of many thousand small files is slow to copy, and slow on network discs; some large archives are not.

    Examples:

        tympan data shard train.jsonl -o shards/train

        tympan data shard train.jsonl -o shards/train --format shar --shard-size 500MB --seed 1
    """
    from tympan.cli.display import progress
    from tympan.data import sharding
    from tympan.data.manifest import read_manifest

    size = sharding.parse_size(shard_size)
    total = len(read_manifest(manifest, need_text=False))
    with progress("copying", total) as advance:
        written = sharding.shard(manifest, output, layout=layout, shard_size=size, seed=seed, progress=advance)
    if as_json:
        facts = {"manifest": str(written.manifest), "archives": list(written.archives), "utterances": written.utterances}
        typer.echo(json.dumps({**facts, "seconds": round(written.seconds, 3), "bytes": written.bytes}))
        return
    typer.echo(f"wrote  {written.manifest}: {written.utterances:,} utterances, {written.seconds / 3600:.2f} h")
    typer.echo(f"       {len(written.archives):,} archives in {output / sharding.SHARDS}, {written.bytes / 1e6:,.1f} MB")
