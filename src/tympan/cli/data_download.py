"""`tympan data download`: a corpus, fetched, compared, unpacked, prepared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.flags import Json


def download(
    name: Annotated[str, typer.Argument(help="commonvoice, librispeech, ljspeech, speechocean762, voxforge, yesno.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="For archives, recordings and manifests.", show_default=False)],
    parts: Annotated[str, typer.Option("--parts", help="With commas, e.g. train-clean-100,dev-clean; default all.")] = "",
    archive: Annotated[list[Path] | None, typer.Option("--archive", help="Fetched by hand already; may be given often.")] = None,
    mirror: Annotated[str | None, typer.Option("--mirror", help="An address that has the archives under their names.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Files fetched at a time.", min=1, max=16)] = 1,
    as_json: Json = False,
) -> None:
    """Fetch a corpus and write its manifests.

    An interrupted download or unpacking goes on where it was: give the same command again. Checksums are compared where the publisher
    gives them. Archives are kept; remove them when the manifests are there.

    Examples:

        tympan data download librispeech corpora/ --parts train-clean-100,dev-clean,test-clean

        tympan data download yesno corpora/

        tympan data download commonvoice corpora/cv-de --archive cv-corpus-17.0-2024-03-15-de.tar.gz
    """
    from tympan.cli.data_prepare import show
    from tympan.cli.display import phases, transfers
    from tympan.data.corpora.fetching import choose, corpus_named
    from tympan.data.corpora.fetching import download as fetch_all

    corpus = corpus_named(name)
    wanted = [part for part in parts.split(",") if part]
    chosen = choose(name, corpus, wanted) if not archive else {}
    for item in chosen.values():
        if item.checksum is None:
            typer.echo(f"note: no checksum of {item.name} is published, so nothing but its size can be compared.", err=True)
    with transfers() as fetched, phases() as progress:
        reports = fetch_all(
            name, folder, parts=wanted, archives=archive or (), mirror=mirror, jobs=jobs, fetched=fetched, progress=progress
        )
    if as_json:
        typer.echo(json.dumps([report.to_dict() for report in reports], ensure_ascii=False, indent=1))
        return
    typer.echo(f"corpus      {name}: {corpus.about} ({corpus.page})")
    for report in reports:
        show(report, as_json=False)
