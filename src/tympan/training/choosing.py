"""A recipe for somebody's recordings: model, tokens, batches, augmentation and schedule from a size and the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tympan.bundle import Bundle
from tympan.data.augment import AugmentRecipe
from tympan.data.manifest import Utterance, read_manifest, write_manifest
from tympan.data.split import part_of
from tympan.errors import ManifestError, TokenError
from tympan.features import Fbank80
from tympan.lexicon import Pronunciations
from tympan.recognizer import DEFAULT_MODEL, find_bundle, find_scorer
from tympan.text.pieces import learn_pieces
from tympan.tokens import TokenTable
from tympan.training.pronouncing import write_dictionary
from tympan.training.sizes import Size, size_of
from tympan.training.statistics import feature_statistics

FRAMES_PER_S = 100
PIECES_HOURS = 100.0  # below, characters: each piece would be heard too seldom
FEW_SPEAKERS = 20  # below, voices have to be invented
SHORT_S = 2.0  # utterances of which half are shorter are words and commands: too short to tell their own level and surroundings
JOINED_S = 4.0
FEW_HOURS = 10.0  # below, each utterance is heard in two views that have to agree
NOISY_DEV = 1.0  # hours of training below which the dev set is too small for its best epoch to be the best
MAX_EPOCHS, MIN_EPOCHS = 400, 10
STEPS_PER_EPOCH = 60
BATCH_SECONDS = (10.0, 80.0)
DEV_SHARE = 0.1
MIN_DEV = 20


@dataclass
class Choice:
    """A recipe and why it is so.

    Attributes:
        recipe: plain data, as in a recipe's file.
        reasons: sentences for the user and the head of the file.
    """

    recipe: dict[str, Any]
    reasons: list[str] = field(default_factory=list)


def choose(train: Sequence[Path], dev: Sequence[Path], size: str, folder: Path, *, name: str, language: str = "") -> Choice:
    """A recipe that trains a model of `size` on manifests.

    Args:
        train, dev: manifests; without dev a part of train is held out, by speaker where there are enough of them.
        size: see `SIZES`.
        folder: of the run, where files go that the recipe needs.
        name, language: of the model.

    Raises:
        RecipeError: there is no such size.
        ManifestError: a manifest is missing or wrong, or too small to hold anything out.
    """
    model = size_of(size)
    reasons: list[str] = []
    if not dev:
        train, dev = hold_out(train, folder, reasons)
    utterances = [utterance for path in train for utterance in read_manifest(path)]
    hours = sum(utterance.duration for utterance in utterances) / 3600
    speakers = len({utterance.speaker for utterance in utterances if utterance.speaker})
    reasons.append(f"{len(utterances):,} utterances, {hours:.2f} h, {speakers or 'unknown'} speakers: {size}")
    short = are_short(utterances)
    chosen = choose_phones(utterances, folder, reasons) if language == "en" and hours < PIECES_HOURS else None
    tokens, table, spelled = chosen or choose_tokens(utterances, hours, folder, reasons, joined=short)
    augment = augmentation(utterances, speakers, reasons, short=short)
    heard = times_heard(augment, utterances) * (2 if hours < FEW_HOURS else 1)
    recipe = {
        "name": name,
        "description": f"A {size} Conformer with CTC on {tokens['kind']}, as `tympan train --size {size}` chose it.",
        "language": language,
        "data": {"train": [str(path) for path in train], "dev": [str(path) for path in dev], **batches(utterances, heard)},
        "augment": augment,
        "tokens": tokens,
        "model": network(model, spelled, table, reasons),
        "training": {**schedule(model, hours, hours * heard, reasons), "best_by": best_by(utterances, dev)},
    }
    if short:
        reasons.append("short utterances: their level is taken off, and not the average of each band, which is the vowel")
        recipe |= {"features": {"name": "fbank80"}, "normalization": feature_statistics(utterances, Fbank80(), "level")}
    return Choice(recipe, reasons)


def hold_out(train: Sequence[Path], folder: Path, reasons: list[str]) -> tuple[list[Path], list[Path]]:
    """Manifests of the training part and of the held-out part, written into `folder`."""
    utterances = [utterance for path in train for utterance in read_manifest(path)]
    speakers = {utterance.speaker for utterance in utterances}
    by_speaker = "" not in speakers and len(speakers) >= FEW_SPEAKERS
    shares = (1 - DEV_SHARE, DEV_SHARE)
    parts: dict[str, list[Utterance]] = {"train": [], "dev": []}
    for utterance in utterances:
        parts[part_of(utterance.speaker if by_speaker else utterance.id, shares)].append(utterance)
    if min(map(len, parts.values())) < MIN_DEV:
        raise ManifestError(
            f"{len(utterances)} utterances are too few to hold some out for choosing the best epoch.", "Record more, or give --dev."
        )
    for part, found in parts.items():
        write_manifest(folder / f"{part}.jsonl", [row(utterance) for utterance in found])
    how = "speakers" if by_speaker else "utterances, so that it flatters: its speakers are heard in training too"
    reasons.append(f"no --dev was given: {len(parts['dev']):,} utterances are held out by {how}")
    return [folder / "train.jsonl"], [folder / "dev.jsonl"]


def row(utterance: Utterance) -> dict[str, object]:
    """The utterance as a line of a manifest anywhere."""
    fields: dict[str, object] = {"audio_filepath": str(utterance.audio.resolve()), "duration": utterance.duration, "text": utterance.text}
    return {**fields, "speaker": utterance.speaker, "id": utterance.id}


def choose_tokens(
    utterances: Sequence[Utterance], hours: float, folder: Path, reasons: list[str], *, joined: bool = False
) -> tuple[dict[str, Any], TokenTable, Sequence[Utterance]]:
    """Characters, or word pieces where there is speech enough for them; with a space where utterances are joined."""
    texts = [utterance.text for utterance in utterances]
    why = f"word pieces want {PIECES_HOURS:.0f} h"
    table = None
    if hours >= PIECES_HOURS:
        try:
            table = learn_pieces(texts, 500 if hours < 10 * PIECES_HOURS else 1000)
        except TokenError as error:
            why = f"word pieces cannot be learned: {error.message}"
    if table is None:
        table = TokenTable.from_texts([*texts, " ".join(texts[:2])] if joined else texts)
        reasons.append(f"{len(table) - 1} characters as tokens; {why}")
        return {"kind": "characters", **({"characters": "".join(table.tokens[1:])} if joined else {})}, table, utterances
    path = folder / "tokens.json"
    table.write(path)
    reasons.append(f"{len(table) - 1} word pieces as tokens, learned from the transcripts")
    return {"kind": "pieces", "table": str(path)}, table, utterances


def choose_phones(
    utterances: Sequence[Utterance], folder: Path, reasons: list[str]
) -> tuple[dict[str, Any], TokenTable, Sequence[Utterance]] | None:
    """The phones of English and a dictionary of the transcripts' words; None where one of these cannot be said."""
    bundle = Bundle.open(find_bundle(DEFAULT_MODEL))
    scorer = find_scorer(bundle, None, needed=False)
    if scorer is None or bundle.tokens.kind != "phones":
        return None
    try:
        path = write_dictionary(scorer.pronunciations, utterances, folder, None, reasons)
    except TokenError as error:
        reasons.append(f"no phones as tokens: {error.message}")
        return None
    reasons.append(
        f"{len(bundle.tokens) - 1} phones as tokens, and the package's dictionary: few hours do not teach how English is spelled"
    )
    spell = Pronunciations.read(path).transcribe
    return {"kind": "phones", "dictionary": str(path)}, bundle.tokens, [replace(one, text=spell(one.text)) for one in utterances]


def network(size: Size, utterances: Sequence[Utterance], table: TokenTable, reasons: list[str]) -> dict[str, Any]:
    """The encoder, and a head with as many frames as the fastest speech needs."""
    unfold = unfolding(utterances, table, size.subsampling, reasons)
    encoder = {
        "name": "conformer",
        "dim": size.dim,
        "layers": size.layers,
        "heads": size.heads,
        "kernel": size.kernel,
        "expansion": size.expansion,
        "dropout": size.dropout,
        "subsampling": size.subsampling,
    }
    return {"encoder": encoder, "head": {"unfold": unfold}}


def unfolding(utterances: Sequence[Utterance], table: TokenTable, subsampling: int, reasons: list[str]) -> int:
    """Frames that a head has to make of an encoded one."""
    unfold = 1
    while unfold < 8 and infeasible(utterances, table, subsampling / unfold) > 0.005:
        unfold *= 2
    if unfold > subsampling // 4:
        reasons.append(f"the head unfolds each frame into {unfold}, for some transcripts have many tokens a second")
    return unfold


def infeasible(utterances: Sequence[Utterance], table: TokenTable, frames_a_token: float) -> float:
    """Share of the utterances whose tokens and repeats do not fit into their frames when spoken a fifth faster."""
    short = 0
    for utterance in utterances:
        tokens = table.encode(utterance.text)
        needed = len(tokens) + sum(first == second for first, second in pairwise(tokens))
        short += int(utterance.duration / 1.2 * FRAMES_PER_S / frames_a_token) < needed
    return short / max(1, len(utterances))


def are_short(utterances: Sequence[Utterance]) -> bool:
    """Whether they are words and commands rather than sentences."""
    return float(np.median([utterance.duration for utterance in utterances])) < SHORT_S


def times_heard(augment: dict[str, Any], utterances: Sequence[Utterance]) -> float:
    """How many times as much as the corpus an epoch gives to hear, as utterances are joined to others."""
    joined = AugmentRecipe.model_validate(augment).joined
    if joined is None:
        return 1.0
    durations = np.array([utterance.duration for utterance in utterances])
    others = joined.followers(durations, np.random.default_rng(0))
    return float(1 + np.where(others < 0, 0, durations[others]).sum() / durations.sum())


def batches(utterances: Sequence[Utterance], heard: float = 1.0) -> dict[str, Any]:
    """Batches of which an epoch has some dozens, as far as memory and short corpora allow; they hold utterances `heard` times."""
    durations = [utterance.duration for utterance in utterances]
    longest = float(np.percentile(durations, 99.5))
    seconds = min(max(sum(durations) / STEPS_PER_EPOCH, BATCH_SECONDS[0], 2 * longest), BATCH_SECONDS[1])
    return {
        "max_batch_seconds": round(min(seconds * heard, BATCH_SECONDS[1]), 1),
        "max_duration_s": round(max(25.0, min(40.0, longest)), 1),
    }


def augmentation(utterances: Sequence[Utterance], speakers: int, reasons: list[str], *, short: bool, join: bool = True) -> dict[str, Any]:
    """Wide where there are few voices; short utterances are joined if they may be."""
    frames = float(np.median([utterance.duration for utterance in utterances])) * FRAMES_PER_S
    spec = {
        "frequency_masks": 2,
        "frequency_width": 20,
        "time_masks": 6 if frames > 200 else 2,
        "time_share": 0.05 if frames > 200 else 0.1,
    }
    joined: dict[str, Any] = {"joined": {"probability": 0.7, "seconds": JOINED_S}} if short and join else {}
    if joined:
        reasons.append("short utterances: some are joined, so that words have neighbours")
    if speakers >= FEW_SPEAKERS:
        return {**joined, "speed": {"factors": [0.9, 1.0, 1.1]}, "noise": {"probability": 0.2}, "spec": spec}
    reasons.append("few speakers: speed, voice, microphone and noise vary widely to invent others")
    distance: dict[str, Any] = {} if short else {"volume": {"probability": 1.0, "gain_db": [-34.0, 4.0]}}  # else it is taken off
    return {
        **joined,
        "speed": {"factors": [0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6]},
        "vocal_tract": {"probability": 0.5},
        "pauses": {"probability": 0.5},
        "noise": {"probability": 0.7, "snr_db": [5.0, 40.0]},
        "equalizer": {"probability": 0.8, "deviation_db": 5.0},
        **distance,
        "spec": spec,
    }


def best_by(utterances: Sequence[Utterance], dev: Sequence[Path]) -> str:
    """The loss where the dev set's speakers are all known from training: nearly all is right there long before the training is good."""
    known = {utterance.speaker for utterance in utterances}
    heard = {utterance.speaker for path in dev for utterance in read_manifest(path)}
    return "loss" if heard <= known and "" not in known else "wer"


def schedule(size: Size, hours: float, heard_hours: float, reasons: list[str]) -> dict[str, Any]:
    """As many epochs as the size needs to hear its hours, if an epoch of `hours` gives `heard_hours` to hear."""
    epochs = min(max(round(size.hours / max(heard_hours, 1e-6)), MIN_EPOCHS), MAX_EPOCHS)
    reasons.append(f"{epochs} epochs: {epochs * heard_hours:,.0f} h heard in all")
    return {
        "max_epochs": epochs,
        "learning_rate": size.learning_rate,
        "warmup_share": 0.1,
        "weight_decay": 0.02,
        "gradient_clip": 1.0,
        "precision": "auto",
        "consistency": 0.2 if hours < FEW_HOURS else 0.0,
        "ema_decay": 0.99 if hours < 1 else 0.999,
        "keep_best": 5 if hours < NOISY_DEV else 1,
    }
