"""The command `tympan`."""

from __future__ import annotations

import sys

import typer

from tympan.cli import data, evaluate, export, finetune, info, listen, lm, plot, pretrain, runs, serve, tokens, train, transcribe
from tympan.errors import TympanError

app = typer.Typer(
    help="From recordings to a speech recogniser of your own, and one small file that transcribes anywhere.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    transcribe.transcribe,
    listen.listen,
    serve.serve,
    info.info,
    evaluate.evaluate,
    train.train,
    pretrain.pretrain,
    finetune.finetune,
    runs.runs,
    plot.plot,
    export.export,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(data.app, name="data")
app.add_typer(lm.app, name="lm")
app.add_typer(tokens.app, name="tokens")


@app.callback()
def root() -> None:
    """Keeps the name of a command necessary even while there is only one."""


def main() -> None:
    """Run the command line; a user's mistake is one sentence on stderr and exit code 2."""
    try:
        app()
    except TympanError as error:
        typer.echo(f"tympan: {error}", err=True)
        sys.exit(2)
