"""`tympan lm info`: what a language model is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.flags import Json


def info(
    path: Annotated[
        Path, typer.Argument(help="A scorer, n-gram, ARPA file, KenLM binary, a scorer of DeepSpeech or Coqui, or a neural model.")
    ],
    as_json: Json = False,
) -> None:
    """Show what a file with a language model holds; hashes are compared on the way.

    Examples:

        tympan lm info my.scorer

        tympan lm info deepspeech-0.9.3-models.scorer

        tympan lm info lm.arpa.gz --json

        tympan lm info books.nlm
    """
    from tympan.lm.describing import describe

    facts = describe(path)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    rows = {**facts, **facts.get("facts", {})}
    rows.pop("facts", None)
    for key, value in rows.items():
        shown = (
            " / ".join(f"{count:,}" for count in value)
            if key == "counts"
            else ", ".join(map(str, value))
            if isinstance(value, list)
            else value
        )
        for line in value if key == "notes" else [shown]:
            typer.echo(f"{key:20} {line}")
