"""The families of models: how each is built from a plain description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tympan.errors import RecipeError
from tympan.models.attention import build_attention
from tympan.models.best_rq import build_best_rq
from tympan.models.build import build
from tympan.models.neural_transducer import build_neural_transducer
from tympan.models.speech_model import SpeechModel
from tympan.models.transducer import build_transducer

FAMILIES: dict[str, Callable[[Mapping[str, Any], int, int], SpeechModel]] = {
    "attention": build_attention,
    "best-rq": build_best_rq,
    "ctc": build,
    "neural-transducer": build_neural_transducer,
    "transducer": build_transducer,
}


def build_model(config: Mapping[str, Any], num_features: int, num_tokens: int) -> SpeechModel:
    """A model of any family with fresh weights.

    Args:
        config: {"family": ..., "encoder": {...}, ...}, the rest as the family's own function takes it; without a family, CTC.
        num_features: F of the front end.
        num_tokens: V with blank.

    Raises:
        RecipeError: an unknown family, encoder, key, or impossible value; it is named with what would be right.
    """
    family = config.get("family", "ctc")
    if family not in FAMILIES:
        raise RecipeError(f"model.family: there is no family {family!r}.", f"There are: {', '.join(sorted(FAMILIES))}.")
    return FAMILIES[family](config, num_features, num_tokens)
