"""`tympan tokens`: what a recogniser's outputs mean, and how words are spelled or sounded with them."""

from __future__ import annotations

import typer

from tympan.cli import tokens_g2p, tokens_train

app = typer.Typer(
    name="tokens",
    help="Make token tables, and the model that says how unknown words sound.\n\nExamples:\n\n"
    "    tympan tokens train train.jsonl --size 500 -o tokens.json\n\n"
    "    tympan tokens g2p cmudict.dict -o g2p.model",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
for command in (tokens_train.train, tokens_g2p.g2p):
    app.command()(command)
