"""`tympan evaluate`: error rates and speed on a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli import search_options as search
from tympan.cli.flags import Json, Model, SecondPass
from tympan.cli.lm_options import writing
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.evaluation import Evaluation
    from tympan.recognizer import Recognizer
    from tympan.systems import System

# What has no meaning for a system that is not ours.
OWN_OPTIONS = (
    "model",
    "scorer",
    "hot_word",
    "beam_size",
    "beam_threshold",
    "lm_weight",
    "word_score",
    "open_vocabulary",
    "rescore",
    "rescore_weight",
    "rescore_token_score",
    "rescore_nbest",
    "fuse",
    "fuse_weight",
    "fuse_token_score",
    "threads",
    "stream",
    "chunk_ms",
    "second_pass",
)


def evaluate(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="JSON lines with audio_filepath, duration, text, speaker.")],
    model: Model = "english",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A JSON file for the report with every utterance.")] = None,
    as_json: Json = False,
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
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; the real-time factor is theirs. 0 for all cores.", min=0)] = 1,
    stream: Annotated[bool, typer.Option("--stream", help="Hear each recording as a stream, as `listen` and `serve` do.")] = False,
    chunk_ms: Annotated[
        int | None, typer.Option("--chunk-ms", help="Of --stream: heard at a time; default 320.", min=10, max=5_000, show_default=False)
    ] = None,
    second_pass: SecondPass = False,
    system: Annotated[str, typer.Option("--system", help="Who transcribes: tympan, or pocketsphinx (extra 'classic').")] = "tympan",
    lm: Annotated[Path | None, typer.Option("--lm", help="For another system: its language model; default its own.")] = None,
    dictionary: Annotated[Path | None, typer.Option("--dictionary", "-d", help="For another system: its pronunciations.")] = None,
    acoustic: Annotated[Path | None, typer.Option("--acoustic", help="For another system: the folder of its acoustic model.")] = None,
    worst: Annotated[int, typer.Option("--worst", help="How many of the worst utterances to show.", min=0)] = 5,
) -> None:
    """Transcribe a manifest and compare with its transcripts.

    Examples:

        tympan evaluate test.jsonl

        tympan evaluate test.jsonl --model runs/mine/model.tympan --output result.json

        tympan evaluate test.jsonl --scorer none --json

        tympan evaluate test.jsonl --stream --beam-size 100 --beam-threshold 10

        tympan evaluate test.jsonl --system pocketsphinx --lm my.arpa --dictionary my.dict
    """
    from tympan import evaluation
    from tympan.cli.display import progress
    from tympan.data.manifest import read_manifest
    from tympan.files import write_atomically
    from tympan.recognizer import load
    from tympan.systems import OWN, SystemFiles, open_system

    utterances = read_manifest(manifest)
    files = SystemFiles(lm, dictionary, acoustic)
    if system == OWN:
        if files.given():
            raise TympanError(f"--{next(iter(files.given()))} is for another --system.", "Give --model and --scorer.")
        options = (hot_word, beam_size, beam_threshold, lm_weight, word_score, open_vocabulary)
        rescoring = search.Rescoring(rescore, rescore_weight, rescore_token_score, rescore_nbest)
        fusing = search.Fusing(fuse, fuse_weight, fuse_token_score)
        own = load(**search.load_options(model, threads, scorer, *options, rescoring, fusing))
        recognizer: System = streamed(own, chunk_ms, second_pass) if stream else own
        if (chunk_ms is not None or second_pass) and not stream:
            raise TympanError("--chunk-ms and --second-pass are of streams.", "Give --stream too, or leave them out.")
    else:
        refuse_own_options(context, system)
        recognizer = open_system(system, files)
    with progress("transcribing", len(utterances)) as advance:
        result = evaluation.evaluate(recognizer, utterances, advance)
    report = json.dumps(result.to_dict(), indent=1, ensure_ascii=False)
    if output is not None:
        with writing(output):
            write_atomically(output, report.encode())
    if as_json:
        typer.echo(report)
    else:
        show(result, threads, worst)
    for reason in result.failed.values():
        typer.echo(f"tympan: {reason}", err=True)
    if result.failed:
        raise typer.Exit(2)


def show(result: Evaluation, threads: int, worst: int) -> None:
    """The report for people."""
    from tympan import scoring

    score, words = result.score, result.score.words
    interval = "too few utterances for an interval"
    if score.wer_interval is not None:
        low, high = score.wer_interval
        interval = f"95 % interval by bootstrap over {score.interval_by}s {low:.2%} to {high:.2%}"
    typer.echo(f"utterances        {len(result.results)} ({result.seconds:.0f} s of audio)")
    typer.echo(f"WER               {score.wer:.2%} ({interval})")
    typer.echo(f"CER               {score.cer:.2%}")
    kinds = f"{words.substitutions} substituted, {words.deletions} deleted, {words.insertions} inserted"
    typer.echo(f"word errors       {kinds} of {words.reference_length}")
    typer.echo(f"real-time factor  {result.rtf:.4f} on {threads or 'all'} thread{'' if threads == 1 else 's'}")
    typer.echo(f"search            {result.search}")
    if result.hot_words:
        typer.echo(search.hot_word_counts(result.hot_words))
    typer.echo(f"scoring           {scoring.SCORING_RULES}")
    for case in score.worst[:worst]:
        row = result.results[case.index]
        typer.echo(f"\n{row['id']}\n  said   {row['reference']}\n  heard  {row['hypothesis']}")


def streamed(recognizer: Recognizer, chunk_ms: int | None, second_pass: bool) -> System:
    """The same recogniser, which hears streams."""
    from tympan.streaming import StreamOptions
    from tympan.systems import Streamed

    chunk_s = StreamOptions.chunk_s if chunk_ms is None else chunk_ms / 1000
    return Streamed(recognizer, StreamOptions(chunk_s=chunk_s, second_pass=second_pass))


def refuse_own_options(context: typer.Context, system: str) -> None:
    """TympanError if an option was given that only our own recogniser has."""
    for name in OWN_OPTIONS:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise TympanError(f"--{name.replace('_', '-')} is for Tympan's own models, not for --system {system}.", "Leave it out.")
