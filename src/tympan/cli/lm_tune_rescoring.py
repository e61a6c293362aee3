"""`tympan lm tune --rescore`: the weights of a neural language model that looks at n-best lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tympan.cli.lm_options import writing

if TYPE_CHECKING:
    from tympan.emissions import Emissions
    from tympan.lm import NeuralFile, NeuralLM, Scorer
    from tympan.lm.tuning import Tuning
    from tympan.tokens import TokenTable


def tune_rescoring(
    emitted: Emissions, scorer: Scorer, table: TokenTable, path: Path, beam_size: int | None, trials: int, threads: int, *, dry_run: bool
) -> None:
    """Search rescore_weight and rescore_token_score with the lowest WER, the scorer's weights as they are, and write them."""
    from tympan.lm import NeuralLM
    from tympan.lm.tuning import surface_table

    lm = NeuralLM.open(path, threads)
    tuned = search(emitted, scorer, table, lm, beam_size, trials, threads)
    typer.echo("WER in %, rescore_weight to the right, rescore_token_score down\n")
    typer.echo(surface_table(tuned))
    for name, point in (("none", tuned.points[0]), ("best", tuned.best)):
        weights = f"rescore_weight {point.lm_weight:g}, rescore_token_score {point.word_score:g}"
        typer.echo(f"{name:14} WER {point.wer:.2%} with {weights}")
    if not dry_run:
        with writing(path):
            changed(lm.file, tuned).write(path)
        typer.echo(f"written into {path}")


def search(emitted: Emissions, scorer: Scorer, table: TokenTable, lm: NeuralLM, beam_size: int | None, trials: int, threads: int) -> Tuning:
    """Search once, rescore with many weights; the first point is that without a rescoring."""
    from tympan.cli.display import progress
    from tympan.decoding import SearchOptions
    from tympan.decoding.options import BEAM_SIZE
    from tympan.decoding.rescore_tuning import RESCORE_WEIGHTS, TOKEN_SCORES, RescoredLists
    from tympan.lm import tuning

    options = SearchOptions(beam_size=beam_size or BEAM_SIZE, recombine=False)
    options.rescorer(lm, table, scorer)  # refuses tokens that cannot spell the words
    pieces = [piece for pieces in emitted.log_probs for piece in pieces if len(piece)]
    with progress("rescoring", len(pieces)) as advance:
        lists = RescoredLists.make(pieces, options.decoder(table, scorer), lm, options.rescore_nbest, threads, advance)
    references = [utterance.text for utterance in emitted.utterances]
    return tuning.tune(
        emitted.log_probs,
        references,
        lists.decoder,
        lm_weights=RESCORE_WEIGHTS,
        word_scores=TOKEN_SCORES,
        first=[(0.0, 0.0)],
        trials=trials,
        threads=threads,
    )


def changed(file: NeuralFile, tuned: Tuning) -> NeuralFile:
    """The model with its new weights, and how they were found."""
    facts = {"wer": tuned.best.wer, "wer_without": tuned.points[0].wer, "trials": len(tuned.points)}
    weight, token_score = tuned.best.weights
    return replace(file, rescore_weight=weight, rescore_token_score=token_score, facts={**file.facts, "tuning": facts})
