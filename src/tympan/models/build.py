"""From a plain description to a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from tympan.errors import RecipeError
from tympan.models.ctc import CTCModel
from tympan.models.encoders import ENCODERS
from tympan.models.heads.ctc import CTCHead


def build(config: Mapping[str, Any], num_features: int, num_tokens: int) -> CTCModel:
    """A CTC model with fresh weights.

    Args:
        config: {"encoder": {"name": ..., ...}, "head": {...}, "condition": bool}.
        num_features: F of the front end.
        num_tokens: V with blank.

    Raises:
        RecipeError: an unknown encoder, key, or impossible value; it is named with what would be right.
    """
    options = dict(config["encoder"])
    name = options.pop("name", None)
    if options.pop("num_features", num_features) != num_features:
        wanted = config["encoder"]["num_features"]
        raise RecipeError(f"model.encoder.num_features is {wanted}, but the front end gives {num_features} features a frame.")
    if name not in ENCODERS:
        raise RecipeError(f"model.encoder.name: there is no encoder {name!r}.", f"There are: {', '.join(sorted(ENCODERS))}.")
    encoder = construct(ENCODERS[name], "model.encoder", num_features=num_features, **options)
    head = construct(CTCHead, "model.head", dim=encoder.output_dim, num_tokens=num_tokens, **config.get("head", {}))
    if config.get("condition") and not getattr(encoder, "taps", ()):
        raise RecipeError("model.condition needs model.encoder.taps, the blocks whose posteriors are fed back.")
    return CTCModel(encoder, head, condition=bool(config.get("condition")))


def construct(kind: type[nn.Module], path: str, **options: Any) -> Any:
    """`kind(**options)`, with unknown and impossible options told by their path in the recipe."""
    known = inspect.signature(kind).parameters
    if unknown := sorted(set(options) - set(known)):
        raise RecipeError(f"{path}.{unknown[0]}: no such key.", f"There are: {', '.join(known)}.")
    try:
        return kind(**options)
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{path}: {error}.") from None


def count_parameters(model: nn.Module) -> int:
    """All weights, running statistics counted, as the published counts do."""
    statistics = sum(buffer.numel() for name, buffer in model.named_buffers() if name.rpartition(".")[2] in ("running_mean", "running_var"))
    return sum(parameter.numel() for parameter in model.parameters()) + statistics
