"""`tympan transcribe --cluster`: the same over a Ray cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import typer

from tympan.cli import search_options as search
from tympan.cli.transcribing import transcribed
from tympan.errors import TympanError
from tympan.transcript import Format


def transcribe_on_cluster(
    address: str, inputs: Sequence[str], output: str | None, load_options: Mapping[str, Any], format: Format, explain: bool, readable: bool
) -> bool:
    """Transcribe on a cluster, telling each recording that failed as it fails; whether one did.

    Args:
        address: of the cluster.
        inputs: files, folders, manifests, addresses.
        output: a folder that all machines see, or an address.
        load_options: arguments of `tympan.recognizer.load`.
        format, explain, readable: as of the command.
    """
    from tympan import scale
    from tympan.cli.display import progress

    if output is None:
        raise TympanError(
            "With --cluster the transcripts need a place that every machine of the cluster sees.",
            "Give --output: a shared folder, or an address that fsspec knows, such as s3://bucket/transcripts.",
        )
    folder = scale.open_folder(output)
    recordings = scale.expand(inputs)
    finished: list[scale.Done] = []
    with scale.connected(address):
        model = scale.pack(**load_options)
        scale.hold_to_settings(folder, format, model, explained=explain, readable=readable)
        write = partial(transcribed, format=format, explain=explain, readable=readable)
        with progress("transcribing", len(recordings)) as advance:
            for done in scale.transcribe(recordings, folder, format, model, write):
                finished.append(done)
                advance(len(finished))
                if done.error:
                    typer.echo(f"tympan: {done.error}", err=True)
                for text in done.result.warnings if done.result else ():
                    typer.echo(f"tympan: warning: {text}", err=True)
    return conclude(finished, len(recordings), output, explain)


def conclude(finished: Sequence[Any], total: int, output: str, explain: bool) -> bool:
    """Say on stderr how it went; whether a recording failed."""
    fired: Counter[str] = Counter()
    for done in finished:
        if not done.error:
            fired.update(done.result.hot_words)
    if fired and not explain:  # an explanation says it itself
        typer.echo(search.hot_word_counts(fired), err=True)
    failed = sum(bool(done.error) for done in finished)
    again = sum(done.attempt > 1 for done in finished)
    parts = [f"{len(finished) - failed:,} transcribed to {output}"]
    parts += [f"{total - len(finished):,} were there already"] if total > len(finished) else []
    parts += [f"{again:,} begun again after a worker died"] if again else []
    parts += [f"{failed:,} failed"] if failed else []
    typer.echo("; ".join(parts), err=True)
    return failed > 0
