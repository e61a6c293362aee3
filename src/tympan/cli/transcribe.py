"""`tympan transcribe`: audio in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tympan.cli import search_options as search
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.recognizer import Piece, Recognizer
    from tympan.transcript import Transcript

NEW_LINE = "\n"


class Format(str, Enum):
    """How a transcript is written."""

    txt = "txt"
    json = "json"
    srt = "srt"
    vtt = "vtt"
    tsv = "tsv"
    ctm = "ctm"


def transcribe(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Recordings: wav, flac, ogg, opus, mp3; video and m4a with the extra 'media'. With --cluster also folders, manifests and "
            "addresses such as s3://bucket/talks.",
            metavar="FILES...",
            show_default=False,
        ),
    ],
    model: Annotated[str, typer.Option("--model", "-m", help="A .tympan file, or the name of a model inside the package.")] = "english",
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.txt,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="A folder: one file for each recording, instead of standard output.", metavar="FOLDER"),
    ] = None,
    scorer: search.Scorer = None,
    hot_word: search.HotWords = None,
    beam_size: search.BeamSize = None,
    beam_threshold: search.BeamThreshold = None,
    lm_weight: search.LMWeight = None,
    word_score: search.WordScore = None,
    open_vocabulary: search.OpenVocabulary = False,
    rescore: search.Rescore = None,
    rescore_weight: search.RescoreWeight = None,
    rescore_token_score: search.RescoreTokenScore = None,
    rescore_nbest: search.RescoreNbest = None,
    fuse: search.Fuse = None,
    fuse_weight: search.FuseWeight = None,
    fuse_token_score: search.FuseTokenScore = None,
    explain: Annotated[bool, typer.Option("--explain", help="Write the best hypotheses with their scores by parts instead.")] = False,
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; 0 for all cores. With --cluster of each worker.", min=0)] = 0,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="Spread the work over a Ray cluster: local, auto, HOST:PORT. Needs --output.", metavar="ADDRESS"),
    ] = None,
) -> None:
    """Transcribe recordings.

    A recording that cannot be read is told on stderr; the others are transcribed all the same, and the exit code is 2.

    Examples:

        tympan transcribe talk.mp3

        tympan transcribe *.wav --format srt -o subtitles

        tympan transcribe interview.flac --format json > interview.json

        tympan transcribe standup.wav --scorer work.scorer --hot-word kubernetes:8 --hot-word "pull request"

        tympan transcribe archive/ --cluster auto --output /shared/transcripts
    """
    if explain and format not in (Format.txt, Format.json):
        raise TympanError(f"--explain writes a table or JSON, not {format.value}.", "Leave --format out, or give --format json.")
    rescoring = search.Rescoring(rescore, rescore_weight, rescore_token_score, rescore_nbest)
    options = (hot_word, beam_size, beam_threshold, lm_weight, word_score, open_vocabulary)
    fusing = search.Fusing(fuse, fuse_weight, fuse_token_score)
    if cluster is not None:
        from tympan.cli.transcribe_cluster import transcribe_on_cluster

        load_options = search.load_options(model, threads or 1, scorer, *options, rescoring, fusing)
        failed = transcribe_on_cluster(cluster, inputs, output, load_options, format, explain)
    else:
        files = [Path(file) for file in inputs]
        load_options = search.load_options(model, threads, scorer, *options, rescoring, fusing)
        failed = transcribe_here(files, Path(output) if output is not None else None, load_options, format, explain)
    if failed:
        raise typer.Exit(2)


def transcribe_here(files: Sequence[Path], output: Path | None, load_options: Mapping[str, Any], format: Format, explain: bool) -> bool:
    """Transcribe on this machine, one after another; whether a recording failed."""
    from tympan.cli.display import progress
    from tympan.files import write_atomically
    from tympan.recognizer import load

    if output is not None:
        refuse_equal_names(files)
    recognizer = load(**load_options)
    fired = dict.fromkeys(recognizer.search.hot_words, 0)
    failed = False
    with progress("transcribing", len(files)) as advance:
        for done, file in enumerate(files):
            advance(done)
            try:
                text, hot_words = transcribed(recognizer, file, file.stem, format, explain)
            except TympanError as error:
                typer.echo(f"tympan: {error}", err=True)
                failed = True
                continue
            for word, count in hot_words.items():
                fired[word] += count
            if output is not None:
                write_atomically(output / f"{file.stem}.{format.value}", text.encode())
            else:
                prefix = f"{file}:{NEW_LINE if explain else ' '}" if len(files) > 1 and format is Format.txt else ""
                typer.echo(prefix + text.rstrip("\n"))
    if fired and not explain:  # an explanation says it itself
        typer.echo(search.hot_word_counts(fired), err=True)
    return failed


def transcribed(recognizer: Recognizer, file: Path, name: str, format: Format, explain: bool) -> tuple[str, Mapping[str, int]]:
    """One recording: what is to be written, and how often each hot word fired. The same here and on a cluster's workers."""
    from tympan.cli.explain import NBEST

    pieces = list(recognizer.decoded(file, nbest=NBEST if explain else 1))
    transcript = recognizer.transcript(pieces)
    return written(recognizer, pieces, transcript, name, format, explain), transcript.hot_words


def written(recognizer: Recognizer, pieces: Sequence[Piece], transcript: Transcript, name: str, format: Format, with_scores: bool) -> str:
    """A transcript as it is asked for. Explained JSON is that of a transcript and `pieces`, as `tympan.cli.explain` gives them."""
    import json

    from tympan.cli.explain import explain, table
    from tympan.transcript import to_format

    if not with_scores:
        return to_format(transcript, format.value, name=name)
    explained = explain(recognizer, pieces)
    if format is Format.json:
        return json.dumps({**transcript.to_dict(), "pieces": explained}, ensure_ascii=False, indent=2) + "\n"
    return table(explained, transcript.hot_words) + "\n"


def refuse_equal_names(files: Sequence[Path]) -> None:
    """TympanError if two recordings would be written to one file."""
    seen: dict[str, Path] = {}
    for file in files:
        if file.stem in seen:
            raise TympanError(
                f"{seen[file.stem]} and {file} would both be written as {file.stem}.", "Give them to calls with folders of their own."
            )
        seen[file.stem] = file
