"""`tympan finetune`: a model goes on with somebody's recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tympan.cli.training_options import (
    DataOption,
    DevOption,
    DryRunOption,
    FreshOption,
    MoreArgument,
    OverridesOption,
    ResumeOption,
    RunOption,
    begin,
    chosen,
    run_training,
    words_of,
)
from tympan.errors import TympanError
from tympan.extras import require


def finetune(
    model: Annotated[str, typer.Argument(help="A .tympan file, the name of a model inside the package, or a checkpoint (.safetensors).")],
    data: DataOption = None,
    dev: DevOption = None,
    watch: Annotated[
        list[Path] | None, typer.Option("--watch", help="A manifest of what the model could do before; its WER is shown before and after.")
    ] = None,
    freeze: Annotated[
        list[str] | None, typer.Option("--freeze", help="Parameters that stay as they are, by the beginnings of their names; '' for none.")
    ] = None,
    dictionary: Annotated[Path | None, typer.Option("--dictionary", "-d", help="For phones: pronunciations in CMUdict's form.")] = None,
    g2p: Annotated[Path | None, typer.Option("--g2p", help="For phones: a model of `tympan tokens g2p` for other words.")] = None,
    more: MoreArgument = None,
    overrides: OverridesOption = None,
    run: RunOption = None,
    resume: ResumeOption = False,
    fresh: FreshOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Go on training a model with other recordings: a voice, a dialect, a room, a vocabulary.

    The token table is kept; characters that the transcripts have beyond it are added. With less than an hour the first layers stay as
    they are. If the dev set says only words of the training set, a scorer of these goes into the new model, else the old scorer.

    Examples:

        tympan finetune english --data train.jsonl --dev dev.jsonl

        tympan finetune runs/own/best.safetensors --data more.jsonl --dev dev.jsonl --watch old-dev.jsonl
    """
    require("train", "Training")
    if not data:
        raise TympanError("There is nothing to go on with.", "Example: tympan finetune english --data train.jsonl --dev dev.jsonl")
    from tympan.training import continuing

    names, keys = words_of(more, overrides)
    if names:
        raise TympanError(f"{names[0]} is not of the form key=value.", "Give one model; recordings come after --data.")
    start = continuing.open_start(model)
    folder = run or Path("runs") / f"{start.name}-finetuned"
    begin(folder, resume=resume, fresh=fresh and not dry_run)
    frozen = None if freeze is None else [prefix for prefix in freeze if prefix]
    choice = continuing.choose_continuation(start, data, dev or [], folder, dictionary=dictionary, g2p=g2p, freeze=frozen)
    choice.recipe["data"]["watch"] = [str(path) for path in watch or []]
    run_training(chosen(choice, folder, keys), folder, resume=resume, dry_run=dry_run, own=True, start=start)
