"""`tympan tokens train`: word pieces from texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from tympan.cli.flags import Json
from tympan.cli.lm_options import check_output, writing
from tympan.errors import TympanError


def train(
    texts: Annotated[list[Path], typer.Argument(help="One sentence a line, or manifests (.jsonl, .json).", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The token table to write, JSON.")] = Path("tokens.json"),
    size: Annotated[int, typer.Option("--size", min=3, help="Tokens, the blank among them.")] = 500,
    method: Annotated[str, typer.Option("--method", help="unigram or bpe.")] = "unigram",
    as_json: Json = False,
) -> None:
    """Learn word pieces with sentencepiece (extra `train`). Normalise the texts first: `tympan data text`.

    The table spells words as sentencepiece would, but does not need it.

    Examples:

        tympan tokens train train.jsonl --size 500 -o tokens.json

        tympan tokens train book.txt news.txt --method bpe --size 1000 -o tokens.json
    """
    if method not in ("unigram", "bpe"):
        raise TympanError(f"--method is {method!r}.", "It can be unigram or bpe.")
    check_output(output, *texts)
    lines = [line for path in texts for line in lines_of(path)]
    from tympan.text import learn_pieces
    from tympan.tokens import normalize_unicode

    table = learn_pieces(lines, size, cast("Literal['unigram', 'bpe']", method))
    with writing(output):
        table.write(output)
    example = next((line for line in lines if line.strip()), "")
    pieces = table.pieces(normalize_unicode(example))[:20]
    facts = {"path": str(output), "tokens": len(table), "method": table.method, "hash": table.hash, "example": pieces}
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        typer.echo(f"{output}: {len(table)} tokens by {table.method}, hash {table.hash[:12]}")
        typer.echo(f"example  {' '.join(pieces)}")


def lines_of(path: Path) -> list[str]:
    """The sentences of a text or a manifest."""
    if path.suffix in (".jsonl", ".json"):
        from tympan.data import read_manifest

        return [utterance.text for utterance in read_manifest(path)]
    from tympan.cli.data_text import read_lines

    if not path.is_file():
        raise TympanError(f"There is no text {path}.", "Check the path.")
    return list(read_lines(path))
