"""`tympan lm add-words`: names and terms for a scorer, without building it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.flags import Json
from tympan.cli.lm_options import G2POption, guesser, writing


def add_words(
    scorer: Annotated[Path, typer.Argument(help="The scorer.")],
    words: Annotated[Path, typer.Argument(help="One word a line, in any case; for phones with its pronunciation: tympan T IH M P AH N.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The new scorer; without it the old one is changed.")] = None,
    g2p: G2POption = None,
    as_json: Json = False,
) -> None:
    """Add words to a scorer in seconds; all or, if one cannot be spelled, none.

    The n-gram stays as it is and knows nothing of them: each counts as a word that occurs once in 100,000. Words that matter more
    can be given as hot words when transcribing.

    Examples:

        tympan lm add-words my.scorer names.txt

        tympan lm add-words my.scorer names.txt -o with-names.scorer --g2p g2p.model
    """
    from tympan.lm import Scorer
    from tympan.lm.additions import add_words as add

    guess = guesser(g2p, Scorer.open(scorer).tokens) if g2p is not None else None
    with writing(output or scorer):
        added = add(scorer, words, output, guess)
    if as_json:
        facts = {"path": str(output or scorer), "new": added.new, "respelled": added.respelled, "known": added.known}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    counts = f"{len(added.new)} new, {len(added.respelled)} with new spellings, {len(added.known)} known before"
    typer.echo(f"{output or scorer}: {counts}")
    for what, found in (("new", added.new), ("respelled", added.respelled)):
        for word, spellings in found.items():
            for spelling in spellings:
                typer.echo(f"{what:10} {word}  {' '.join(spelling)}" if "".join(spelling) != word else f"{what:10} {word}")
    for word in added.known:
        typer.echo(f"{'known':10} {word}")
