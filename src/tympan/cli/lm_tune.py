"""`tympan lm tune`: the weights of a scorer, for a model and recordings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.flags import Model
from tympan.cli.lm_options import writing
from tympan.cli.lm_tune_rescoring import tune_rescoring
from tympan.errors import TympanError
from tympan.extras import require

if TYPE_CHECKING:
    from tympan.emissions import Emissions
    from tympan.lm import Scorer
    from tympan.lm.tuning import Point, Tuning
    from tympan.tokens import TokenTable

BEAM_SIZE = 50  # each trial is a whole search


def tune(
    manifests: Annotated[list[Path], typer.Argument(help="JSON lines with audio_filepath, duration, text.", show_default=False)],
    scorer: Annotated[Path, typer.Option("--scorer", help="The scorer; its weights are written into it.")],
    model: Model = "english",
    beam_size: Annotated[
        int | None, typer.Option("--beam-size", help="Of the search; default 50, with --rescore 300.", min=1, show_default=False)
    ] = None,
    trials: Annotated[int, typer.Option("--trials", help="Pairs of weights at most.", min=1)] = 100,
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; 0 for all cores.", min=0)] = 0,
    cache: Annotated[Path, typer.Option("--cache", help="Folder where the network's output is kept.")] = Path("work/emissions"),
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the surface: .png, .svg or .pdf; needs the extra 'plot'.")] = None,
    rescore: Annotated[
        Path | None, typer.Option("--rescore", help="Tune how this neural model rescores instead; written into it, the scorer stays.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Leave the scorer, or the neural model, as it is.")] = False,
) -> None:
    """Search lm_weight and word_score with the lowest WER on recordings, and write them into the scorer.

    The network runs once, its output is kept. Take recordings that are not your test set; half an hour and more is good.

    Examples:

        tympan lm tune dev.jsonl --scorer my.scorer

        tympan lm tune dev.jsonl --scorer my.scorer --model my.tympan --plot surface.png --dry-run

        tympan lm tune dev.jsonl --scorer my.scorer --rescore books.nlm
    """
    from tympan.data.manifest import read_manifest
    from tympan.lm.surface_plot import check_ending, draw

    if plot is not None and rescore is not None:
        raise TympanError("--plot draws the scorer's surface, which --rescore leaves as it is.", "Leave one of them out.")
    if plot is not None:
        require("plot", "Drawing the surface")
        check_ending(plot)

    utterances = [utterance for manifest in manifests for utterance in read_manifest(manifest)]
    workers = threads or os.cpu_count() or 1
    from tympan import emissions
    from tympan.cli.display import progress
    from tympan.lm import Scorer
    from tympan.recognizer import load

    opened = Scorer.open(scorer)
    recognizer = load(model, threads=1, scorer="none")  # the network alone is asked; what is searched with is tuned below
    table = recognizer.bundle.tokens
    opened.check_tokens(table.tokens)
    with progress("running the network", len(utterances)) as advance:
        emitted = emissions.compute(recognizer, utterances, cache=cache, threads=workers, progress=advance)
    if rescore is not None:
        tune_rescoring(emitted, opened, table, rescore, beam_size, trials, workers, dry_run=dry_run)
        tell_failed(emitted)
        return
    beam_size = beam_size or BEAM_SIZE
    before, tuned = search(emitted, opened, table, beam_size, trials, workers)
    del opened  # the file below must not be mapped any more, or Windows would not replace it
    show(emitted, before, tuned, table)
    if not dry_run:
        write(scorer, tuned, before, manifests, beam_size, len(emitted.utterances))
        typer.echo(f"written into {scorer}")
    if plot is not None:
        with writing(plot):
            draw(tuned, plot)
        typer.echo(f"drawn in {plot}")
    tell_failed(emitted)


def tell_failed(emitted: Emissions) -> None:
    """Which recordings could not be read; the exit code is 2 then."""
    for reason in emitted.failed.values():
        typer.echo(f"tympan: {reason}", err=True)
    if emitted.failed:
        raise typer.Exit(2)


def search(emitted: Emissions, scorer: Scorer, table: TokenTable, beam_size: int, trials: int, threads: int) -> tuple[Point, Tuning]:
    """The point of the scorer's present weights, and the tuning."""
    from tympan.cli.display import progress
    from tympan.decoding import BeamDecoder, SearchOptions
    from tympan.lm import tuning

    def decoder(lm_weight: float, word_score: float) -> BeamDecoder:
        return SearchOptions(beam_size=beam_size, lm_weight=lm_weight, word_score=word_score).decoder(table, scorer)

    references = [utterance.text for utterance in emitted.utterances]
    with progress("decoding", trials) as advance:
        first = [(scorer.lm_weight, scorer.word_score)]
        tuned = tuning.tune(emitted.log_probs, references, decoder, first=first, trials=trials, threads=threads, progress=advance)
    return tuned.points[0], tuned


def show(emitted: Emissions, before: Point, tuned: Tuning, table: TokenTable) -> None:
    """The surface and the rates."""
    from tympan.lm.tuning import surface_table

    seconds = sum(utterance.duration for utterance in emitted.utterances)
    kept = ", network's output from the cache" if emitted.cached else ""
    typer.echo(f"{len(emitted.utterances)} utterances, {seconds:.0f} s, {before.errors.reference_length} words{kept}\n")
    typer.echo("WER in %, lm_weight to the right, word_score down\n")
    typer.echo(surface_table(tuned))
    if table.kind != "phones":
        typer.echo(f"\ngreedy         WER {greedy_wer(emitted, table):.2%}")
    for name, point in (("before", before), ("best", tuned.best)):
        typer.echo(f"{name:14} WER {point.wer:.2%} with lm_weight {point.lm_weight:g}, word_score {point.word_score:g}")
    if not tuned.finished:
        typer.echo("note           the trials ran out before the search was at its end; more may find better weights (--trials)")


def greedy_wer(emitted: Emissions, table: TokenTable) -> float:
    """Without a search and a scorer."""
    from tympan.decoding import greedy
    from tympan.lm.tuning import count_errors

    texts = [" ".join(table.decode(greedy(piece).tokens) for piece in pieces) for pieces in emitted.log_probs]
    return count_errors([utterance.text for utterance in emitted.utterances], texts).rate


def write(scorer: Path, tuned: Tuning, before: Point, manifests: list[Path], beam_size: int, utterances: int) -> None:
    """Put the weights, and how they were found, into the scorer."""
    from dataclasses import replace

    from tympan.lm.rewriting import rewrite

    facts = {
        "manifests": [manifest.name for manifest in manifests],
        "utterances": utterances,
        "beam_size": beam_size,
        "wer": tuned.best.wer,
        "wer_before": before.wer,
        "trials": len(tuned.points),
    }

    def change(old: Scorer) -> tuple[Scorer, None]:
        return replace(old.with_weights(*tuned.best.weights), facts={**old.facts, "tuning": facts}), None

    with writing(scorer):
        rewrite(scorer, None, change)
