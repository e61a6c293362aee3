"""The command `tympan`."""

from __future__ import annotations

import sys
from typing import Any

import typer

from tympan.cli import data, evaluate, export, finetune, info, listen, lm, plot, pretrain, runs, serve, tokens, train, transcribe
from tympan.errors import TympanError

EPILOG = "Exit codes: 0 done; 1 something was found wrong; 2 a mistake that you can mend; 130 stopped by Ctrl-C (docs/cli.md)."

app = typer.Typer(
    help="From recordings to a speech recogniser of your own, and one small file that transcribes anywhere.\n\n"
    "Examples:\n\n    tympan transcribe talk.mp3\n\n    tympan train --data train.jsonl --size small\n\n"
    "    tympan lm build notes.txt -o notes.scorer\n\n"
    "Each command has its own examples: tympan transcribe --help",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
# The three who use it, in the order in which one becomes the next.
COMMANDS: dict[str, tuple[Any, ...]] = {
    "You have audio": (transcribe.transcribe, listen.listen, serve.serve, info.info),
    "You have recordings and transcripts": (data.app, train.train, finetune.finetune, lm.app, evaluate.evaluate, export.export, runs.runs),
    "You study the field": (pretrain.pretrain, tokens.app, plot.plot),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        if isinstance(command, typer.Typer):
            app.add_typer(command, rich_help_panel=panel)
        else:
            app.command(rich_help_panel=panel)(command)


def main() -> None:
    """Run the command line; a user's mistake is one sentence on stderr and exit code 2."""
    try:
        app()
    except TympanError as error:
        typer.echo(f"tympan: {error}", err=True)
        sys.exit(2)
