"""A recipe that goes on from a model: its network and tokens, somebody's recordings, a low rate, and what should stay as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tympan import features
from tympan.bundle import Bundle
from tympan.data.manifest import Utterance, read_manifest
from tympan.errors import RecipeError
from tympan.lexicon import Pronunciations
from tympan.models.best_rq import build_best_rq
from tympan.recognizer import find_bundle, find_scorer
from tympan.tokens import TokenTable
from tympan.training.checkpoint import load_checkpoint
from tympan.training.choosing import (
    NOISY_DEV,
    Choice,
    are_short,
    augmentation,
    batches,
    best_by,
    choose_tokens,
    hold_out,
    times_heard,
    unfolding,
)
from tympan.training.pronouncing import write_dictionary
from tympan.training.statistics import feature_statistics

PRETRAINED_HOURS = 30.0  # where nothing but the encoder is there to begin with
HOURS = 2.0  # to hear, all epochs together, at least; more for a larger corpus
EPOCHS = (4, 60)
LEARNING_RATE = 4e-4
FREEZE_HOURS = 1.0  # below, what turns sound into frames stays as it is


@dataclass(frozen=True)
class Start:
    """What is gone on from.

    Attributes:
        path: of the weights.
        name, language: of the model.
        model, features, normalization: as in a recipe.
        tokens: the table.
        bundle: None for a checkpoint.
    """

    path: Path
    name: str
    language: str
    model: dict[str, Any]
    features: dict[str, Any]
    normalization: dict[str, Any]
    tokens: TokenTable
    bundle: Bundle | None


def open_start(path_or_name: str) -> Start:
    """A bundle, the name of a model inside the package, or a checkpoint.

    Raises:
        BundleError, CheckpointError: there is none, or it cannot be used.
    """
    path = Path(path_or_name)
    if path.suffix == ".safetensors":
        facts = load_checkpoint(path).facts
        recipe = facts["recipe"]
        tokens = TokenTable.from_dict(facts["tokens"])
        return Start(
            path, recipe["name"], recipe.get("language", ""), facts["model"], facts["features"], recipe["normalization"], tokens, None
        )
    bundle = Bundle.open(find_bundle(path_or_name))
    config = bundle.model["config"]
    return Start(bundle.path, bundle.name, bundle.language, config, bundle.features, bundle.normalization, bundle.tokens, bundle)


def choose_continuation(
    start: Start,
    train: Sequence[Path],
    dev: Sequence[Path],
    folder: Path,
    *,
    dictionary: Path | None = None,
    g2p: Path | None = None,
    freeze: Sequence[str] | None = None,
) -> Choice:
    """A recipe that fits `start` to manifests.

    Args:
        start: the model.
        train, dev: manifests; without dev a part of train is held out.
        folder: of the run, where files go that the recipe needs.
        dictionary, g2p: for phones: pronunciations; without, those of the model's own scorer, and rules of English.
        freeze: what stays as it is, by the beginnings of names; None decides by the hours.

    Raises:
        ManifestError: a manifest is missing, wrong or too small.
        TokenError: the model's tokens cannot spell the transcripts, and cannot be extended.
    """
    reasons = [f"goes on from {start.path}"]
    if not dev:
        train, dev = hold_out(train, folder, reasons)
    utterances = [utterance for path in train for utterance in read_manifest(path)]
    hours = sum(utterance.duration for utterance in utterances) / 3600
    speakers = len({utterance.speaker for utterance in utterances if utterance.speaker})
    reasons.append(f"{len(utterances):,} utterances, {hours:.2f} h, {speakers or 'unknown'} speakers")
    model, blank = start.model, start.model.get("family") == "best-rq"
    if blank:
        tokens, table, spelled = choose_tokens(utterances, hours, folder, reasons)
        model = with_head(start.model, spelled, table, reasons)
        reasons.append("the encoder heard no text before: a new CTC head, and more epochs")
    else:
        tokens = keep_tokens(start, utterances, folder, dictionary, g2p, reasons)
    short = are_short(utterances)
    normalization = start.normalization
    if short and normalization["mode"] == "utterance":
        reasons.append("short utterances: their level is taken off, and no more the average of each band, which is the vowel")
        normalization = feature_statistics(utterances, features.from_config(start.features), "level")
    if freeze is None and blank:
        freeze = []
    elif freeze is None:  # what turns sound into frames has to learn another normalisation
        freeze = ["encoder.subsampling"] if hours < FREEZE_HOURS and normalization == start.normalization else []
    if freeze:
        reasons.append(f"kept as they are: {', '.join(freeze)}")
    augment = augmentation(utterances, speakers, reasons, short=short, join=False)  # the model has heard sentences
    heard = times_heard(augment, utterances)
    epochs = min(max(round(max(PRETRAINED_HOURS if blank else HOURS, 5 * hours) / max(hours * heard, 1e-6)), EPOCHS[0]), EPOCHS[1])
    reasons.append(f"{epochs} epochs at a peak rate of {LEARNING_RATE:g}: {epochs * hours * heard:,.1f} h heard in all")
    training = {
        "initial": str(start.path),
        "freeze": list(freeze),
        "max_epochs": epochs,
        "learning_rate": LEARNING_RATE,
        "warmup_share": 0.1,
        "gradient_clip": 1.0,
        "weight_decay": 0.02,
        "precision": "auto",
        "ema_decay": 0.99 if hours < 1 else 0.999,
        "keep_best": 5 if hours < NOISY_DEV else 1,
        "best_by": best_by(utterances, dev),
    }
    recipe = {
        "name": f"{start.name}-finetuned",
        "description": f"{start.name}, gone on with other recordings.",
        "language": start.language,
        "data": {"train": [str(path) for path in train], "dev": [str(path) for path in dev], **batches(utterances, heard)},
        "augment": augment,
        "tokens": tokens,
        "features": start.features,
        "normalization": normalization,
        "model": model,
        "training": training,
    }
    return Choice(recipe, reasons)


def keep_tokens(
    start: Start, utterances: Sequence[Utterance], folder: Path, dictionary: Path | None, g2p: Path | None, reasons: list[str]
) -> dict[str, Any]:
    """The model's table, written into `folder`, with characters added that the transcripts have beyond it."""
    table = start.tokens
    if table.kind == "characters":
        missing = sorted({sign for utterance in utterances for sign in utterance.text} - set(table.tokens))
        if missing:
            reasons.append(f"added to the {len(table) - 1} characters of the model: {' '.join(map(repr, missing))}")
            table = TokenTable((*table.tokens, *missing))
    if (dictionary is not None or g2p is not None) and table.kind != "phones":
        raise RecipeError(f"A dictionary was given, but the model's tokens are {table.kind}.", "Leave it out.")
    path = folder / "tokens.json"
    table.write(path)
    section: dict[str, Any] = {"kind": table.kind, "table": str(path)}
    if table.kind == "phones":
        section["dictionary"] = str(dictionary or write_dictionary(known_words(start), utterances, folder, g2p, reasons))
        if g2p is not None:
            section["g2p"] = str(g2p)
    return section


def known_words(start: Start) -> Pronunciations:
    """What the model's own scorer pronounces; nothing of a model without."""
    scorer = find_scorer(start.bundle, None, needed=False) if start.bundle is not None else None
    return scorer.pronunciations if scorer is not None else Pronunciations({})


def with_head(model: Mapping[str, Any], utterances: Sequence[Utterance], table: TokenTable, reasons: list[str]) -> dict[str, Any]:
    """A CTC model with the encoder of a pre-training, and a head with as many frames as the fastest speech needs."""
    encoder = dict(model["encoder"])
    built = build_best_rq(model, int(encoder.get("num_features", 80)), len(table))
    return {"encoder": encoder, "head": {"unfold": unfolding(utterances, table, built.quantizer.stack, reasons)}}
