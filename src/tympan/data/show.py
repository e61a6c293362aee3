"""An utterance as it was recorded and as a training hears it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tympan import audio
from tympan.data.augment import Augmenter, AugmentRecipe, Files
from tympan.data.manifest import Utterance, read_manifest
from tympan.errors import ManifestError
from tympan.features import Extractor, Normalization
from tympan.plots import Panel, Sheet

LONGEST_S = 60.0  # of what is shown of a recording


def open_augmenter(recipe: AugmentRecipe, sample_rate: int, utterances: Sequence[Utterance]) -> Augmenter:
    """The recipe's section, its recordings decoded when they are drawn; babble comes from `utterances`.

    Raises:
        ManifestError, RecipeError: as `Augmenter.open`.
    """

    def files(manifest: Path, name: str) -> Files:
        return Files(read_manifest(manifest, need_text=False), sample_rate)

    return Augmenter.open(recipe, sample_rate, files).with_talkers(Files(utterances, sample_rate))


def find(utterances: Sequence[Utterance], ids: Sequence[str], manifest: Path) -> list[int]:
    """The places of these ids, or the first place if there are none; ManifestError names an id that is not there."""
    places = {utterance.id: index for index, utterance in enumerate(utterances)}
    if missing := [name for name in ids if name not in places]:
        raise ManifestError(f"The manifest {manifest} has no utterance {missing[0]!r}.", f"Its first is {utterances[0].id!r}.")
    return [places[name] for name in ids] or [0]


def show(
    utterance: Utterance,
    index: int,
    augmenter: Augmenter,
    extractor: Extractor,
    normalization: Normalization,
    *,
    seed: int,
    count: int,
) -> Sheet:
    """The utterance unchanged, and as it sounds and looks in the first `count` epochs.

    Args:
        index: its place; with `seed` and the epoch, from 0, it decides what happens.
        count: 0 shows it unchanged only.

    Raises:
        AudioError, MissingExtraError: the recording, or one that is mixed in, cannot be read.
    """
    rate = extractor.sample_rate
    samples = next(audio.blocks(utterance.audio, rate, LONGEST_S))
    panels = [Panel("as recorded", samples, rate, normalization(extractor(samples)))]
    for epoch in range(count):
        rng = np.random.default_rng([seed, epoch, index])
        drawn: list[str] = []
        changed = augmenter.change_samples(samples, rng, drawn)
        seen = augmenter.change_features(normalization(extractor(changed)), rng, drawn)
        panels.append(Panel(", ".join(drawn) or "unchanged", changed, rate, seen))
    return Sheet(utterance.id, utterance.text, panels)
