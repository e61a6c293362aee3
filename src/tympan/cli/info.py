"""`tympan info`: what a model is."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def info(
    model: Annotated[str | None, typer.Argument(help="A .tympan file or a name; without it, the models inside the package.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what a model was trained on, what it reached, and what it needs.

    Examples:

        tympan info

        tympan info english

        tympan info runs/yesno/model.tympan --json
    """
    from tympan import __version__
    from tympan.recognizer import installed_models, load

    if model is None:
        models = installed_models()
        text = f"tympan {__version__}, models inside: {', '.join(models) or 'none'}"
        typer.echo(json.dumps({"tympan": __version__, "models": models}) if as_json else text)
        return
    bundle = load(model, threads=1).bundle
    facts = {
        "name": bundle.name,
        "language": bundle.language,
        "path": str(bundle.path),
        "bytes": bundle.path.stat().st_size,
        "family": bundle.model["family"],
        "parameters": bundle.model["parameters"],
        "weights": bundle.model["weights"],
        "features": bundle.features,
        "normalization": bundle.normalization,
        "frame_shift_s": bundle.frame_shift_s,
        "tokens": len(bundle.tokens),
        "token_hash": bundle.tokens.hash,
        "training": {key: value for key, value in bundle.training.items() if key != "recipe"},
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for key, value in facts.items():
        typer.echo(f"{key:14} {value}")
    if bundle.card:
        typer.echo(f"\n{bundle.card}")
