"""`tympan data text`: transcripts and texts as the words that are said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tympan.cli.flags import Json
from tympan.cli.lm_options import check_output, writing
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.text import Normalizer, Report

MOST_SHOWN = 40


def text(
    source: Annotated[Path, typer.Argument(help="A text with one sentence a line, or a manifest (.jsonl, .json).", show_default=False)],
    language: Annotated[str, typer.Option("--language", help="en, de, es or fr.")] = "en",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The normalised text or manifest; without it nothing is written.")
    ] = None,
    case: Annotated[str, typer.Option("--case", help="lower, upper or keep.")] = "lower",
    report: Annotated[Path | None, typer.Option("--report", help="Every single change with its line, as JSON lines.")] = None,
    as_json: Json = False,
) -> None:
    """Write numbers, abbreviations and signs as words, take out punctuation, fold the case; and say what was changed.

    Letters that the language does not have are kept and reported: only you know whether they are mistakes. So are words with
    letters of two scripts that look alike.

    Examples:

        tympan data text book.txt

        tympan data text train.jsonl --language de -o train.normal.jsonl --report changes.jsonl
    """
    if not source.is_file():
        raise TympanError(f"There is no text {source}.", "Check the path.")
    if output is not None:
        check_output(output, source)
    if report is not None:
        check_output(report, source)
    from tympan.files import write_atomically
    from tympan.text import Normalizer

    lines, changes, found = normalized(source, Normalizer(language, case))
    for path, content in ((output, lines), (report, changes)):
        if path is not None:
            with writing(path):
                write_atomically(path, "".join(f"{line}\n" for line in content).encode())
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        show(found, output)


def normalized(source: Path, normalizer: Normalizer) -> tuple[list[str], list[str], Report]:
    """The lines to write, the changes as JSON, the report."""
    from tympan.text import Report

    manifest = source.suffix in (".jsonl", ".json")
    found = Report()
    lines: list[str] = []
    told: list[str] = []
    for number, line in enumerate(read_lines(source), start=1):
        row = parse_row(line, source, number) if manifest else None
        if manifest and row is None:
            continue
        before = line if row is None else str(row["text"])
        after, changes = normalizer.explain(before)
        found.add(number, before, after, changes)
        lines.append(after if row is None else json.dumps({**row, "text": after}, ensure_ascii=False))
        told += (json.dumps({"line": number, **vars(change)}, ensure_ascii=False) for change in changes)
    return lines, told, found


def read_lines(source: Path) -> Iterable[str]:
    """Lines of UTF-8 without their ends."""
    try:
        content = source.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TympanError(f"The text {source} cannot be read ({error}).", "It must be UTF-8.") from None
    return content.removesuffix("\n").split("\n")


def parse_row(line: str, source: Path, number: int) -> dict[str, Any] | None:
    """One line of a manifest; None for an empty one."""
    line = line.strip("\ufeff \r\t")
    if not line:
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TympanError(f"{source}, line {number}: it is not JSON ({error}).", "Mend it and try again.") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise TympanError(
            f"{source}, line {number}: the field 'text' is missing.", 'A manifest has lines like {"audio_filepath": ..., "text": ...}.'
        )
    return row


def show(found: Report, output: Path | None) -> None:
    """The report as lines."""
    typer.echo(f"{output or 'nothing written'}: {found.lines:,} lines, {found.changed:,} changed")
    rows = found.signs()
    for row in rows[:MOST_SHOWN]:
        became = {"": "nothing", " ": "a space"}.get(row.became, row.became)
        what = f"{row.sign!r} {row.name}".strip() if row.sign else "letters of the other case, by line"
        arrow = "kept" if row.kind == "kept" else f"-> {became}" if row.sign else ""
        typer.echo(f"{row.count:8,}  {row.kind:12} {what} {arrow}  line {row.line}: {row.example}")
    if len(rows) > MOST_SHOWN:
        typer.echo(f"{len(rows) - MOST_SHOWN:8,}  more kinds; --json has all")
    for word, line in found.mixed.items():
        typer.echo(f"{'':8}  two scripts  {word!r}  line {line}")
