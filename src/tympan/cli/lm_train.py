"""`tympan lm train`: texts become a neural language model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from tympan.cli.lm_options import TokensOption, check_output, writing
from tympan.cli.training_options import FreshOption, OverridesOption, ResumeOption
from tympan.errors import TympanError
from tympan.extras import require

ENDING = ".nlm"


def train(
    texts: Annotated[list[Path], typer.Argument(help="One sentence a line; also .gz, .xz, .bz2.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model to write, X.nlm.")],
    dev: Annotated[
        list[Path] | None, typer.Option("--dev", help="A text that chooses the best epoch; without, the last sentences are held out.")
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", "-m", help="Take the tokens of this .tympan file.")] = None,
    tokens: TokensOption = None,
    overrides: OverridesOption = None,
    run: Annotated[Path | None, typer.Option("--run", help="The run's folder; default runs/NAME.", show_default=False)] = None,
    resume: ResumeOption = False,
    fresh: FreshOption = False,
) -> None:
    """Train a small LSTM that says which token comes next. The same command again goes on where it ended.

    Without --tokens or --model the tokens are the characters of the text. For rescoring any tokens will do that spell the words; for
    fusion in a search they must be those of the acoustic model.

    Examples:

        tympan lm train books.txt.xz -o books.nlm --dev dev.txt

        tympan lm train books.txt -o books.nlm --tokens tokens.json --set model.hidden=1024 --set training.max_epochs=3
    """
    require("train", "Training")
    if model is not None and tokens is not None:
        raise TympanError("Both --model and --tokens were given.", "Give one of them.")
    if resume and fresh:
        raise TympanError("--resume goes on and --fresh begins anew.", "Give one of them.")
    if output.suffix != ENDING:
        raise TympanError(f"--output is {output}.", f"Give it the ending {ENDING}, e.g. {output.with_suffix(ENDING)}.")
    check_output(output, *texts, *(dev or []))
    from tympan.training.lm.recipe import check_lm_recipe

    name = re.sub(r"[^a-z0-9._-]", "-", output.stem.lower()).strip("-._") or "lm"
    data: dict[str, Any] = {"train": texts, "dev": dev or [], "tokens": model or tokens}
    recipe = check_lm_recipe({"name": name, "data": data}, overrides)  # before torch: a wrong key must not wait for it
    from tympan.cli.display import phases
    from tympan.training.lm.export import export
    from tympan.training.lm.loop import train as learn

    with phases() as progress:
        best = learn(recipe, run or Path("runs") / recipe.name, Told(progress), resume=resume, fresh=fresh)
    with writing(output):
        difference = export(best, output)
    from tympan.lm.neural_file import NeuralFile

    file = NeuralFile.open(output)
    found = file.facts["validation"]
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB, {file.model['parameters']:,} parameters, {len(file.tokens)} tokens")
    typer.echo(f"perplexity     {found['perplexity']:.3f} a token, {found['word_perplexity']:.1f} a word, on held-out text")
    typer.echo(f"proof          largest difference from torch {difference:.1g} in log_probs")


class Told:
    """The terminal as one who is told."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress

    def note(self, text: str) -> None:
        typer.echo(text, err=True)
