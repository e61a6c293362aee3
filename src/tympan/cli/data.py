"""`tympan data`: from anybody's recordings to manifests that can be trusted."""

from __future__ import annotations

import typer

from tympan.cli import data_align, data_doctor, data_download, data_prepare, data_shard, data_show, data_text

app = typer.Typer(
    name="data",
    help="Fetch corpora, prepare recordings of your own, check them before they are trained on.\n\nExamples:\n\n"
    "    tympan data prepare recordings/ -o my.jsonl --split 0.9,0.05,0.05\n\n"
    "    tympan data doctor train.jsonl dev.jsonl test.jsonl",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
for command in (
    data_download.download,
    data_prepare.prepare,
    data_text.text,
    data_doctor.doctor,
    data_show.show,
    data_align.align,
    data_shard.shard,
):
    app.command()(command)
