"""From a recipe to texts as tokens and a fresh network."""

from __future__ import annotations

from pathlib import Path

import torch

from tympan.bundle import Bundle
from tympan.errors import TokenError, TrainingError
from tympan.lm.case import Case
from tympan.tokens import TokenTable
from tympan.training.lm.export import build
from tympan.training.lm.recipe import LMRecipe
from tympan.training.lm.sentences import encode, read_lines, split
from tympan.training.lm.state import Told, Training
from tympan.training.run_folder import RunFolder


def prepare(recipe: LMRecipe, run: RunFolder, told: Told) -> Training:
    """Texts, tokens and a fresh network."""
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    table = read_table(recipe.data.tokens) if recipe.data.tokens is not None else None
    case = Case.of_table(table) if table is not None else Case.MIXED
    lines = read_lines(recipe.data.train, case, told.progress)
    if recipe.data.dev:
        dev_lines = read_lines(recipe.data.dev, case, told.progress)
    else:
        lines, dev_lines = split(lines)
        told.note(f"the last {len(dev_lines):,} sentences are held out")
    table = table or TokenTable.from_texts([*lines, " "])
    train_part, dev_part = encode(lines, table), encode(dev_lines, table)
    for part in (train_part, dev_part):
        if part.left_out:
            told.note(f"{part.left_out:,} sentences cannot be spelled and are left out, the first: {part.examples[0]}")
    torch.manual_seed(recipe.seed)
    device = choose_device(recipe.training.accelerator)
    model = build(recipe.model.model_dump(), len(table)).to(device)
    settings = recipe.training
    matrices, rest = ([p for p in model.parameters() if (p.ndim > 1) is wide] for wide in (True, False))
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas)
    return Training(recipe, run, table, told, train_part, dev_part, model, optimizer, device)


def read_table(path: Path) -> TokenTable:
    """A token table, or that of a bundle; TokenError for phones, which spell no text."""
    table = Bundle.open(path).tokens if path.suffix == ".tympan" else TokenTable.read(path)
    if table.kind == "phones":
        raise TokenError(f"The tokens of {path} are phones, which spell no text.", "Take word pieces: `tympan tokens train`.")
    return table


def choose_device(accelerator: str) -> torch.device:
    """Where the network lives."""
    there = torch.cuda.is_available()
    if accelerator == "gpu" and not there:
        raise TrainingError("training.accelerator is gpu, and there is none that torch can use.", "Take auto or cpu.")
    return torch.device("cuda" if there and accelerator != "cpu" else "cpu")
