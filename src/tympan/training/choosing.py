"""A recipe for somebody's recordings: model, tokens, batches, augmentation and schedule from a size and the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tympan.data.manifest import Utterance, read_manifest, write_manifest
from tympan.data.split import part_of
from tympan.errors import ManifestError, TokenError
from tympan.text.pieces import learn_pieces
from tympan.tokens import TokenTable
from tympan.training.sizes import Size, size_of

FRAMES_PER_S = 100
PIECES_HOURS = 100.0  # below, characters: each piece would be heard too seldom
FEW_SPEAKERS = 20  # below, voices have to be invented
MAX_EPOCHS, MIN_EPOCHS = 400, 10
STEPS_PER_EPOCH = 20
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
    tokens, table = choose_tokens(utterances, hours, folder, reasons)
    recipe = {
        "name": name,
        "description": f"A {size} Conformer with CTC on {tokens['kind']}, as `tympan train --size {size}` chose it.",
        "language": language,
        "data": {"train": [str(path) for path in train], "dev": [str(path) for path in dev], **batches(utterances)},
        "augment": augmentation(utterances, speakers, reasons),
        "tokens": tokens,
        "model": network(model, utterances, table, reasons),
        "training": schedule(model, hours, reasons),
    }
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


def choose_tokens(utterances: Sequence[Utterance], hours: float, folder: Path, reasons: list[str]) -> tuple[dict[str, Any], TokenTable]:
    """Characters, or word pieces where there is speech enough for them."""
    texts = [utterance.text for utterance in utterances]
    why = f"word pieces want {PIECES_HOURS:.0f} h"
    table = None
    if hours >= PIECES_HOURS:
        try:
            table = learn_pieces(texts, 500 if hours < 10 * PIECES_HOURS else 1000)
        except TokenError as error:
            why = f"word pieces cannot be learned: {error.message}"
    if table is None:
        table = TokenTable.from_texts(texts)
        reasons.append(f"{len(table) - 1} characters as tokens; {why}")
        return {"kind": "characters"}, table
    path = folder / "tokens.json"
    table.write(path)
    reasons.append(f"{len(table) - 1} word pieces as tokens, learned from the transcripts")
    return {"kind": "pieces", "table": str(path)}, table


def network(size: Size, utterances: Sequence[Utterance], table: TokenTable, reasons: list[str]) -> dict[str, Any]:
    """The encoder, and a head with as many frames as the fastest speech needs."""
    unfold = 1
    while unfold < 8 and infeasible(utterances, table, size.subsampling / unfold) > 0.005:
        unfold *= 2
    if unfold > size.subsampling // 4:
        reasons.append(f"the head unfolds each frame into {unfold}, for some transcripts have many tokens a second")
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


def infeasible(utterances: Sequence[Utterance], table: TokenTable, frames_a_token: float) -> float:
    """Share of the utterances whose tokens and repeats do not fit into their frames when spoken a fifth faster."""
    short = 0
    for utterance in utterances:
        tokens = table.encode(utterance.text)
        needed = len(tokens) + sum(first == second for first, second in pairwise(tokens))
        short += int(utterance.duration / 1.2 * FRAMES_PER_S / frames_a_token) < needed
    return short / max(1, len(utterances))


def batches(utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Batches of which an epoch has some dozens, as far as memory and short corpora allow."""
    durations = [utterance.duration for utterance in utterances]
    longest = float(np.percentile(durations, 99.5))
    seconds = min(max(sum(durations) / STEPS_PER_EPOCH, BATCH_SECONDS[0], 2 * longest), BATCH_SECONDS[1])
    return {"max_batch_seconds": round(seconds, 1), "max_duration_s": round(max(25.0, min(40.0, longest)), 1)}


def augmentation(utterances: Sequence[Utterance], speakers: int, reasons: list[str]) -> dict[str, Any]:
    """Wide where there are few voices."""
    frames = float(np.median([utterance.duration for utterance in utterances])) * FRAMES_PER_S
    spec = {
        "frequency_masks": 2,
        "frequency_width": 20,
        "time_masks": 6 if frames > 200 else 2,
        "time_share": 0.05 if frames > 200 else 0.1,
    }
    if speakers >= FEW_SPEAKERS:
        return {"speed": {"factors": [0.9, 1.0, 1.1]}, "noise": {"probability": 0.2}, "spec": spec}
    reasons.append("few speakers: speed, voice, microphone and noise vary widely to invent others")
    return {
        "speed": {"factors": [round(0.75 + 0.05 * step, 2) for step in range(12)]},
        "vocal_tract": {"probability": 0.5},
        "pauses": {"probability": 0.5},
        "noise": {"probability": 0.7, "snr_db": [5.0, 40.0]},
        "equalizer": {"probability": 0.8, "deviation_db": 5.0},
        "volume": {"probability": 1.0, "gain_db": [-34.0, 4.0]},
        "spec": spec,
    }


def schedule(size: Size, hours: float, reasons: list[str]) -> dict[str, Any]:
    """As many epochs as the size needs to hear its hours."""
    epochs = min(max(round(size.hours / max(hours, 1e-6)), MIN_EPOCHS), MAX_EPOCHS)
    reasons.append(f"{epochs} epochs: {epochs * hours:,.0f} h heard in all")
    return {
        "max_epochs": epochs,
        "learning_rate": size.learning_rate,
        "warmup_share": 0.1,
        "weight_decay": 0.02,
        "gradient_clip": 1.0,
        "precision": "auto",
        "ema_decay": 0.99 if hours < 1 else 0.999,
    }
