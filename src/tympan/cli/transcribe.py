"""`tympan transcribe`: audio in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli import search_options as search
from tympan.cli.flags import Model
from tympan.cli.lm_options import writing
from tympan.cli.recordings import Recording, find_recordings, without_existing
from tympan.cli.transcribing import Outcome, Transcribing
from tympan.errors import TympanError
from tympan.files import refuse_equal_names

if TYPE_CHECKING:
    from tympan.workers import Lost

AHEAD = 4  # for each process: recordings begun while an earlier one is not done, whose texts wait to be printed


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
            help="Recordings, or folders of them: wav, flac, ogg, opus, mp3; video and m4a with the extra 'media'. With --cluster also "
            "manifests, and addresses such as s3://bucket/talks.",
            metavar="FILES...",
            show_default=False,
        ),
    ],
    model: Model = "english",
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
    readable: Annotated[
        bool, typer.Option("--readable", help="For people: numbers as digits, capitals, full stops at pauses. English only.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="With --output: leave out recordings that have their file.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Recordings at a time, in a process each; 0 for all cores.", min=0)] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            help="CPU threads; 0 for all cores. Default all, or 1 a process with --jobs, or a worker with --cluster.",
            min=0,
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="Spread the work over a Ray cluster: local, auto, HOST:PORT. Needs --output.", metavar="ADDRESS"),
    ] = None,
) -> None:
    """Transcribe recordings.

    Of a folder all recordings in it and below it are taken; with --output its subfolders are kept. A recording that cannot be read is
    told on stderr; the others are transcribed all the same, and the exit code is 2.

    Examples:

        tympan transcribe talk.mp3

        tympan transcribe *.wav --format srt -o subtitles

        tympan transcribe recordings/ -o transcripts --jobs 0 --skip-existing

        tympan transcribe interview.flac --format json > interview.json

        tympan transcribe standup.wav --scorer work.scorer --hot-word kubernetes:8 --hot-word "pull request"

        tympan transcribe archive/ --cluster auto --output /shared/transcripts
    """
    if explain and format not in (Format.txt, Format.json):
        raise TympanError(f"--explain writes a table or JSON, not {format.value}.", "Leave --format out, or give --format json.")
    if explain and readable:
        raise TympanError("--explain shows the words as they were found, and --readable changes them.", "Leave one of them out.")
    if skip_existing and output is None:
        raise TympanError("--skip-existing has no effect without --output.", "Give the folder: --output FOLDER")
    options = (hot_word, beam_size, beam_threshold, lm_weight, word_score, open_vocabulary)
    rescoring = search.Rescoring(rescore, rescore_weight, rescore_token_score, rescore_nbest)
    fusing = search.Fusing(fuse, fuse_weight, fuse_token_score)
    if cluster is not None:
        from tympan.cli.transcribe_cluster import transcribe_on_cluster

        if jobs != 1:
            raise TympanError("--jobs is for this machine; with --cluster every processor of the cluster works.", "Leave it out.")
        load_options = search.load_options(model, threads or 1, scorer, *options, rescoring, fusing)
        if transcribe_on_cluster(cluster, inputs, output, load_options, format.value, explain, readable):
            raise typer.Exit(2)
        return
    recordings = find_recordings([Path(each) for each in inputs])
    folder = None if output is None else Path(output)
    if folder is not None:
        refuse_equal_names((recording.name, recording.path) for recording in recordings)
    if folder is not None and skip_existing:
        given = len(recordings)
        recordings = without_existing(recordings, folder, format.value)
        if skipped := given - len(recordings):
            typer.echo(f"{skipped} of {given} skipped: in {output} already", err=True)
    from tympan.workers import cores

    jobs = min(jobs or cores(), len(recordings))
    if threads is None:
        threads = 1 if jobs > 1 else 0
    load_options = search.load_options(model, threads, scorer, *options, rescoring, fusing)
    work = Transcribing(load_options, format.value, explain, readable, crowded=jobs > 1)
    if recordings and not run(work, recordings, jobs, folder):
        raise typer.Exit(2)


def run(work: Transcribing, recordings: Sequence[Recording], jobs: int, output: Path | None) -> bool:
    """Transcribe all, print or write each, and say how it went; whether all could be.

    With `output`, files are written as they come, so that nothing which is done is lost when it is stopped. Printed texts come in order.
    """
    from tympan.cli.display import audio_progress
    from tympan.files import write_atomically
    from tympan.workers import Lost, in_order

    fired: Counter[str] = Counter()
    failed = 0
    with audio_progress(header_durations(recordings)) as (progress, echo):

        def arrived(index: int, outcome: Outcome | Lost) -> Outcome | Lost:
            progress.finished(index)
            if output is None or isinstance(outcome, Lost) or outcome.error:
                return outcome
            target = recordings[index].target(output, work.format)
            with writing(target):
                write_atomically(target, outcome.text.encode())
            return replace(outcome, text="")

        ahead = None if output is not None else AHEAD * jobs
        with closing(in_order(work, recordings, jobs, reported=progress.heard, arrived=arrived, ahead=ahead)) as outcomes:
            for recording, outcome in zip(recordings, outcomes, strict=True):
                if isinstance(outcome, Lost):
                    outcome = Outcome(error=lost(recording, outcome))
                for note in outcome.notes:
                    echo(f"tympan: {note}", True)
                if outcome.error:
                    echo(f"tympan: {outcome.error}", True)
                    failed += 1
                    continue
                fired.update(outcome.hot_words)
                if output is None:
                    several = len(recordings) > 1 and work.format == "txt"
                    prefix = f"{recording.path}:{chr(10) if work.explain else ' '}" if several else ""
                    echo(prefix + outcome.text.rstrip("\n"), False)
    if fired and not work.explain:  # an explanation says it itself
        typer.echo(search.hot_word_counts(fired), err=True)
    if failed and len(recordings) > 1:
        typer.echo(f"tympan: {failed} of {len(recordings)} recordings could not be transcribed.", err=True)
    return not failed


def lost(recording: Recording, outcome: Lost) -> str:
    """What to tell of a recording that ended its process, and the next one too."""
    return (
        f"{recording.path}: the process that worked on it {outcome.how}, and so did another one before. "
        "Is there memory for so many --jobs? Try it alone."
    )


def header_durations(recordings: Sequence[Recording]) -> list[float | None]:
    """Seconds that the headers tell, only where somebody sees them on a terminal; a pipe is not read twice."""
    from tympan.cli.display import console

    if not console.is_terminal:
        return [None] * len(recordings)
    return [header_duration(recording.path) for recording in recordings]


def header_duration(path: Path) -> float | None:
    """Seconds; None where the header does not tell; 0 for what is no recording, which is told when it is read."""
    from tympan import audio

    if path.exists() and not path.is_file():
        return None
    try:
        return audio.info(path).duration_s
    except TympanError:
        return 0.0
