"""`tympan data show`: what a training hears, to look at and to listen to."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tympan.errors import MissingExtraError, TympanError

if TYPE_CHECKING:
    from tympan.plots import Sheet
    from tympan.training.recipe import Recipe

MOST = 20  # versions of an utterance, and utterances


def show(
    manifest: Annotated[Path, typer.Argument(help="JSON lines.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="page.html plays the sounds; .png, .svg and .pdf need the extra 'plot'.")],
    augment: Annotated[Path | None, typer.Option("--augment", help="A recipe; its section `augment` says what is changed.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key of the recipe: --set augment.noise.probability=1. May be repeated.")
    ] = None,
    utterance: Annotated[list[str] | None, typer.Option("--utterance", help="An id; may be repeated. Else the first is shown.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=MOST, help="Changed versions of each; no effect without --augment.")] = 3,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Draw others than by the recipe's own seed.")] = None,
) -> None:
    """Show utterances as recorded and as a training hears them: waveform, features with their masks, text, and what was drawn.

    Examples:

        tympan data show train.jsonl -o first.html

        tympan data show train.jsonl --augment recipes/english-small.yaml --count 5 -o heard.html

        tympan data show train.jsonl --augment my.yaml --set augment.codec.probability=1 --utterance anna-17 -o codec.png
    """
    from tympan import features
    from tympan.data import augment as family
    from tympan.data import read_manifest
    from tympan.data.show import find, open_augmenter
    from tympan.data.show import show as show_one

    check_output(output)
    if len(utterance or []) > MOST:
        raise TympanError(f"{len(utterance or [])} utterances are too many for one file.", f"Give up to {MOST}.")
    recipe = open_recipe(augment, overrides or [])
    utterances = read_manifest(manifest, need_text=False)
    chosen = find(utterances, utterance or [], manifest)
    extractor = features.from_config(front_end(recipe))
    normalization = features.Normalization.from_config(recipe.normalization if recipe else {"mode": "utterance"})
    augmenter = open_augmenter(recipe.augment if recipe else family.Augmenter().recipe, extractor.sample_rate, utterances)
    seed = seed if seed is not None else recipe.seed if recipe else 0
    sheets = [
        show_one(utterances[index], index, augmenter, extractor, normalization, seed=seed, count=count if recipe else 0) for index in chosen
    ]
    write(f"tympan data show {manifest.name}", sheets, output)


def check_output(path: Path) -> None:
    """TympanError if nothing can be written under this name, or matplotlib is needed and missing."""
    from tympan.extras import require
    from tympan.plots import FORMATS

    endings = (".html", *FORMATS)
    if path.suffix.lower() not in endings or path.is_dir():
        raise TympanError(f"The output {path} is no file with one of the endings {', '.join(endings)}.", "Example: -o heard.html")
    if path.suffix.lower() != ".html":
        require("plot", f"Drawing {path.name}")


def open_recipe(path: Path | None, overrides: list[str]) -> Recipe | None:
    """The recipe, if one is given."""
    if path is None:
        if overrides:
            raise TympanError("--set changes a recipe, and none was given.", "Give one by --augment.")
        return None
    if find_spec("yaml") is None:
        raise MissingExtraError(f"The recipe {path} (reading it imports yaml)", "plot")
    from tympan.training.recipe import load_recipe

    return load_recipe(path, overrides)


def front_end(recipe: Recipe | None) -> dict[str, Any]:
    """The front end's config: the recipe's own, or its preset's, for which torch is needed, or fbank80."""
    if recipe is None or recipe.features or recipe.model.preset is None:
        return dict(recipe.features if recipe else {}) or {"name": "fbank80"}
    from tympan.extras import require

    require("train", f"The front end of the preset {recipe.model.preset} (--set features.name=mel128 would name one)")
    from tympan.training.prepare import feature_config

    return feature_config(recipe)


def write(title: str, sheets: list[Sheet], path: Path) -> None:
    """The file, and a line for each version."""
    from tympan.data.doctor.report import shown
    from tympan.files import write_atomically
    from tympan.plots import draw, to_html

    try:
        if path.suffix.lower() == ".html":
            write_atomically(path, to_html(title, sheets).encode("utf-8", "replace"))
        else:
            draw(sheets, path)
    except OSError as error:
        raise TympanError(f"{path} cannot be written ({error}).", "Is there room, and may you write there?") from None
    for sheet in sheets:
        for panel in sheet.panels:
            typer.echo(f"{shown(sheet.title)}  {panel.duration_s:6.2f} s  {shown(panel.title, 300)}")
    typer.echo(f"written: {path}")
