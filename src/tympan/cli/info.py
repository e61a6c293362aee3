"""`tympan info`: what a model is, or this installation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tympan.cli.flags import Json
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.lm import Scorer


def info(
    model: Annotated[str | None, typer.Argument(help="A .tympan file or a name; else this installation.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show what a model is, or without one this installation: versions, cores, extras, and whether it works.

    The self-test transcribes three seconds of made sound; if it fails, the exit code is 1. Reports of faults begin with this.

    Examples:

        tympan info

        tympan info english

        tympan info runs/yesno/model.tympan --json
    """
    if model is None:
        show_environment(as_json)
        return
    from tympan.bundle import Bundle
    from tympan.recognizer import find_bundle, find_scorer

    bundle = Bundle.open(find_bundle(model))
    try:
        found = find_scorer(bundle, None, needed=False)
        scorer = scorer_facts(found) if found is not None else None
    except TympanError as error:  # the model is shown all the same, and what is wrong with its scorer
        scorer = {"error": str(error)}
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
        "token_kind": bundle.tokens.kind,
        "scorer": scorer,
        "training": {key: value for key, value in bundle.training.items() if key != "recipe"},
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for key, value in facts.items():
        typer.echo(f"{key:14} {value}")
    if bundle.card:
        typer.echo(f"\n{bundle.card}")


def show_environment(as_json: bool) -> None:
    """What is installed, and the self-test."""
    from tympan.cli.environment import environment, lines, self_test

    facts = environment()
    facts["self_test"] = self_test(facts["models"][0]) if facts["models"] else None
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        for line in lines(facts):
            typer.echo(line)
    if facts["self_test"] and facts["self_test"]["error"]:
        raise typer.Exit(1)


def scorer_facts(scorer: Scorer) -> dict[str, Any]:
    """What is worth knowing of the scorer that goes with a model."""
    return {
        "path": str(scorer.path),
        "order": scorer.ngram.order,
        "ngrams": list(scorer.ngram.counts),
        "words": len(scorer.words),
        "lm_weight": scorer.lm_weight,
        "word_score": scorer.word_score,
    }
