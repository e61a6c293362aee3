"""`tympan data prepare`: a folder becomes manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.flags import Json
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.data.prepared import Report


def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="Recordings and transcripts, or one list of them; or lhotse:NAME.", metavar="DIR|lhotse:NAME", show_default=False
        ),
    ],
    folder: Annotated[Path | None, typer.Argument(help="After lhotse:NAME, the corpus.", metavar="[DIR]", show_default=False)] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The manifest to write.")],
    split: Annotated[
        str | None,
        typer.Option("--split", help="Shares of train, dev, test by speaker: 0.9,0.05,0.05; 'own': the corpus's.", metavar="SHARES|own"),
    ] = None,
    layout: Annotated[str | None, typer.Option("--layout", help="The form of the folder, if it is not recognised.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the split: another seed, other speakers.")] = 0,
    as_json: Json = False,
) -> None:
    """Recognise how a folder keeps recordings and transcripts, and write a manifest of it.

    Recognised are JSON lines (NeMo), CSV and TSV with a header (DeepSpeech, Common Voice), Kaldi's data folders, LibriSpeech, LJSpeech,
    VoxForge, recordings with a .txt beside each, lhotse's cuts, audio folders of Hugging Face. No recording is changed; utterances that are
    parts of recordings are cut into files beside the manifest. What is left out is counted and named.

    Examples:

        tympan data prepare recordings/ -o all.jsonl

        tympan data prepare recordings/ -o mine.jsonl --split 0.9,0.05,0.05

        tympan data prepare lhotse:mini_librispeech corpora/LibriSpeech -o mini.jsonl --split own

        tympan data prepare kaldi/data/ -o train.jsonl --layout kaldi --json
    """
    from tympan.cli.display import phases
    from tympan.data.corpora.lhotse_recipes import DOOR, prepare_with_lhotse
    from tympan.data.prepare import prepare as make

    if source.startswith(DOOR) != (folder is not None):
        raise TympanError(f"{source} and {folder or 'no folder'} do not fit.", "Give DIR, or lhotse:NAME DIR.")
    with phases() as progress:
        if folder is not None:
            report = prepare_with_lhotse(source.removeprefix(DOOR), folder, output, split=split, seed=seed, progress=progress)
        else:
            report = make(Path(source), output, split=split, layout=layout, seed=seed, progress=progress)
    show(report, as_json)


def show(report: Report, as_json: bool) -> None:
    """The report of a preparation."""
    from tympan.data.layouts.finding import examples

    if as_json:
        typer.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
        return
    typer.echo(f"recognised  {report.layout}: {report.why}")
    width = max(len(str(part.path)) for part in report.parts)
    for part in report.parts:
        speakers = f"{part.speakers:,} speakers" if part.speakers else "speakers not known"
        silent = f", {part.without_text:,} without text" if part.without_text else ""
        typer.echo(f"wrote       {part.path!s:{width}}  {part.utterances:,} utterances, {part.seconds / 3600:.2f} h, {speakers}{silent}")
    if report.clips:
        typer.echo(f"cut         into {report.clips}")
    lost = sum(map(len, report.left_out.values()))
    typer.echo(f"left out    {lost:,}{' of ' + format(lost + sum(part.utterances for part in report.parts), ',') if lost else ''}")
    for reason, where in report.left_out.items():
        typer.echo(f"            {len(where):,}: {reason}: {examples(where)}")
    for note in report.notes:
        typer.echo(f"note        {note}")
