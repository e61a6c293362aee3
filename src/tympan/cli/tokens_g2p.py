"""`tympan tokens g2p`: a dictionary becomes a model that says how unknown words sound."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.flags import Json
from tympan.cli.lm_options import check_output, writing

if TYPE_CHECKING:
    from tympan.g2p import G2P, G2PScore
    from tympan.lexicon import Pronunciations
    from tympan.lm.texts import Progress


def g2p(
    lexicon: Annotated[Path, typer.Argument(help="Pronunciations in CMUdict's form; also .gz, .xz, .bz2.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model to write.")] = Path("g2p.model"),
    order: Annotated[int, typer.Option("--order", help="Graphones of the longest n-grams, 1 to 6.")] = 6,
    bits: Annotated[int, typer.Option("--bits", help="Of log probabilities and back-offs: 8, 16, or 32 for exact ones.")] = 8,
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="First learn from nine tenths of the words and measure on the last.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Learn from a pronouncing dictionary how words sound that it lacks.

    Letters and phones are aligned, and an n-gram of the aligned pieces is estimated. The errors reported are those on a tenth of
    the words that a first model has not seen (chosen by a hash of the word, compared with the nearest listed pronunciation); the
    file is then made from all words.

    Examples:

        tympan tokens g2p cmudict.dict -o g2p.model

        tympan lm build text.txt -o my.scorer --dictionary cmudict.dict --g2p g2p.model
    """
    check_output(output, lexicon)
    from tympan.cli.display import phases
    from tympan.g2p import G2P
    from tympan.lexicon import Pronunciations

    pronunciations = Pronunciations.read(lexicon)
    with phases() as progress, writing(output):
        score = measured(pronunciations, order, bits, progress) if measure else None
        model = G2P.train(pronunciations, order=order, bits=bits, progress=progress)
        facts = {**model.facts, "sources": [lexicon.name], **({"measured": figures(score)} if score else {})}
        model = replace(model, facts=facts)
        model.save(output, bits=bits)
    if as_json:
        typer.echo(json.dumps({"path": str(output), "bytes": output.stat().st_size, **facts}, ensure_ascii=False))
    else:
        report(model, output, score)


def measured(pronunciations: Pronunciations, order: int, bits: int, progress: Progress) -> G2PScore:
    """The errors of a model of nine tenths on the last, used as a scorer's lexicon uses it."""
    from tympan.g2p import G2P, evaluate, split
    from tympan.lexicon import Pronunciations

    learned, held_out = split(pronunciations)
    model = G2P.train(learned, order=order, bits=bits, progress=progress)
    progress("measuring", 0, 0)
    return evaluate(Pronunciations(learned.entries, model.guess).guesses, held_out)


def figures(score: G2PScore) -> dict[str, float]:
    return {"held_out_words": score.words, "word_error": round(score.word_error, 5), "phone_error": round(score.phone_error, 5)}


def report(model: G2P, path: Path, score: G2PScore | None) -> None:
    """What was written, in lines."""
    size, facts = path.stat().st_size, model.facts
    typer.echo(f"{path}: {size / 1e6:.2f} MB" if size >= 1e6 else f"{path}: {size / 1e3:.1f} kB")
    typer.echo(
        f"{'learned from':14} {facts['words']:,} words, {facts['pronunciations']:,} pronunciations, {facts['not_aligned']:,} left out"
    )
    typer.echo(f"{'graphones':14} {len(model.graphones):,}, n-grams of order {model.ngram.order}: {sum(model.ngram.counts):,}")
    if score:
        typer.echo(
            f"{'held out':14} {score.words:,} words: {score.word_error:.1%} of the words and {score.phone_error:.1%} of the phones wrong"
        )
        for word, guess, listed in score.examples:
            typer.echo(f"{'':14} {word}  said {' '.join(guess) or 'nothing'}, listed {' '.join(listed)}")
    for note in facts["notes"]:
        typer.echo(f"{'note':14} {note}")
