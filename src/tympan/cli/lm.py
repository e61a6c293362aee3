"""`tympan lm`: language models."""

from __future__ import annotations

import typer

from tympan.cli import lm_add_words, lm_build, lm_convert, lm_info, lm_train, lm_tune

app = typer.Typer(
    name="lm",
    help="Make, convert, enlarge and tune what knows a language: n-gram scorers, and neural models.\n\nExamples:\n\n"
    "    tympan lm build notes.txt -o notes.scorer\n\n"
    "    tympan lm add-words notes.scorer names.txt",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
for command in (lm_build.build, lm_info.info, lm_add_words.add_words, lm_convert.convert, lm_train.train, lm_tune.tune):
    app.command()(command)
