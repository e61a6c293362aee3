"""`tympan lm build`: texts become a scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.lm_options import (
    DictionaryOption,
    G2POption,
    ModelOption,
    TokensOption,
    check_output,
    pronunciations,
    report,
    token_table,
    writing,
)
from tympan.errors import TympanError


def build(
    texts: Annotated[
        list[Path], typer.Argument(help="One sentence a line; also .gz, .xz, .bz2; - for standard input.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The scorer to write.")],
    order: Annotated[int, typer.Option("--order", help="Words of the longest n-grams, 1 to 6.")] = 4,
    prune: Annotated[str, typer.Option("--prune", help="By order: n-grams that occur as often or less are left out.")] = "0,0,1",
    vocabulary_size: Annotated[
        int | None, typer.Option("--vocabulary-size", help="Keep the most frequent words. Default 200000.", show_default=False)
    ] = None,
    vocabulary: Annotated[
        Path | None, typer.Option("--vocabulary", help="Instead of --vocabulary-size: the words that may be written, one a line.")
    ] = None,
    arpa: Annotated[Path | None, typer.Option("--arpa", help="Keep the ARPA file too; .gz is compressed.")] = None,
    model: ModelOption = None,
    tokens: TokensOption = None,
    dictionary: DictionaryOption = None,
    g2p: G2POption = None,
    bits: Annotated[int, typer.Option("--bits", help="Of log probabilities and back-offs: 8, 16, or 32 for exact ones.")] = 8,
    memory: Annotated[int, typer.Option("--memory", help="MiB for sorting; what does not fit goes to the disk.")] = 512,
    temporary: Annotated[Path | None, typer.Option("--temporary", help="Folder for what does not fit; default the system's.")] = None,
) -> None:
    """Estimate an n-gram from texts and pack it, with a lexicon in the model's tokens, into one file.

    Interpolated modified Kneser-Ney, as KenLM's lmplz. The texts are made NFC and folded to the case of the model's letters; take
    punctuation out of them.

    Examples:

        tympan lm build book.txt news.txt.xz -o my.scorer

        tympan lm build text.txt -o my.scorer --model my.tympan --order 3 --prune 0 --arpa my.arpa.gz

        zcat *.gz | tympan lm build - -o my.scorer --dictionary cmudict.dict --memory 2000
    """
    if vocabulary_size is not None and vocabulary is not None:
        raise TympanError("Both --vocabulary-size and --vocabulary were given.", "Give one of them.")
    thresholds = parse_thresholds(prune)
    check_output(output, *texts)
    table = token_table(model, tokens)
    sounds = pronunciations(table, dictionary, g2p)
    from tympan.cli.display import phases
    from tympan.lm.build import VOCABULARY_SIZE
    from tympan.lm.build import build as make

    with phases() as progress, writing(output):
        scorer = make(
            texts,
            order,
            tokens=table,
            prune=thresholds,
            vocabulary_size=VOCABULARY_SIZE if vocabulary_size is None else vocabulary_size,
            vocabulary=vocabulary,
            pronunciations=sounds,
            bits=bits,
            arpa=arpa,
            memory_mb=memory,
            temporary_folder=temporary,
            progress=progress,
        )
        scorer.save(output, bits=bits)
    facts = scorer.facts
    typer.echo(f"text           {facts['sentences']:,} sentences, {facts['text_words']:,} words, {facts['different_words']:,} different")
    report(scorer, output)


def parse_thresholds(text: str) -> list[int]:
    """0,0,1 as numbers."""
    try:
        return [int(part) for part in text.replace(" ", ",").split(",") if part]
    except ValueError:
        raise TympanError(f"--prune is {text!r}.", "Give whole numbers with commas, e.g. --prune 0,0,1.") from None
