"""A recipe's choice of what is kept of its recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias

from tympan.data.cache import (
    AudioCache,
    CachePlan,
    Content,
    FeatureCache,
    FrameFeatures,
    Lengths,
    Sounds,
    UncachedAudio,
    Waveform,
    plan_cache,
    spoken_bytes,
)
from tympan.data.manifest import Utterance
from tympan.features import Extractor
from tympan.training.recipe import DataRecipe

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def plan_sounds(recipe: DataRecipe, utterances: Sequence[Utterance], extractor: Extractor) -> CachePlan:
    """What the recipe keeps of these utterances, and how much of it is missing."""
    contents: dict[str, Content] = {
        "waveform": Waveform(extractor.sample_rate),
        "features": FrameFeatures(extractor),
        "none": Lengths(extractor.sample_rate),
    }
    return plan_cache(utterances, recipe.cache, contents[recipe.cache_kind])


def open_sounds(
    recipe: DataRecipe, utterances: Sequence[Utterance], extractor: Extractor, what: str, progress: Progress
) -> Sounds | FeatureCache:
    """The utterances' sounds or features, kept as the recipe says; the room that they will take is told first.

    Args:
        what: for people, "the train audio".

    Raises:
        ManifestError: as `CachePlan.make`.
    """
    plan = plan_sounds(recipe, utterances, extractor)
    verb = "measuring" if recipe.cache_kind == "none" else "decoding"
    room = f", {spoken_bytes(plan.bytes_needed)}" if plan.bytes_needed else ""
    with progress(f"{verb} {what}{room}", len(utterances)) as advance:
        made = plan.make(advance)
    if recipe.cache_kind == "features":
        return FeatureCache(made)
    return AudioCache(made) if recipe.cache_kind == "waveform" else UncachedAudio(made, plan.recordings)
