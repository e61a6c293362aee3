"""From a plain description to a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from tympan.errors import RecipeError
from tympan.models.ctc import CTCModel
from tympan.models.encoders import ENCODERS, Encoder
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
    encoder = build_encoder(config["encoder"], num_features)
    given = {"dim": encoder.output_dim, "num_tokens": num_tokens}
    head = construct(CTCHead, "model.head", given, config.get("head", {}))
    condition, taps = bool(config.get("condition")), getattr(encoder, "taps", ())
    if condition and not taps:
        raise RecipeError("model.condition needs model.encoder.taps, the blocks whose posteriors are fed back.")
    if taps and not condition:
        raise RecipeError("model.encoder.taps have no effect without model.condition: true.", "Set it, or leave out the taps.")
    return CTCModel(encoder, head, condition=condition)


def build_encoder(config: Mapping[str, Any], num_features: int) -> Encoder:
    """The encoder that {"name": ..., ...} describes, with fresh weights; RecipeError as `build`."""
    options = dict(config)
    name = options.pop("name", None)
    if (wanted := options.pop("num_features", num_features)) != num_features:
        raise RecipeError(f"model.encoder.num_features is {wanted}, but the front end gives {num_features} features a frame.")
    if not isinstance(name, str) or name not in ENCODERS:
        raise RecipeError(f"model.encoder.name: there is no encoder {name!r}.", f"There are: {', '.join(sorted(ENCODERS))}.")
    encoder: Encoder = construct(ENCODERS[name], "model.encoder", {"num_features": num_features}, options)
    return encoder


def construct(kind: type[Any], path: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """`kind(**given, **options)`, with unknown and impossible options told by their path in the recipe."""
    known = [name for name in inspect.signature(kind).parameters if name not in given]
    if unknown := sorted(set(options) - set(known)):
        listed = "; ".join(f"{path}.{name}: no such key" for name in unknown)
        raise RecipeError(f"{listed}.", f"There are: {', '.join(known)}.")
    try:
        return kind(**given, **options)
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:  # torch tells a negative size by a RuntimeError
        raise RecipeError(f"{path}: {error}.") from None


def count_parameters(model: nn.Module) -> int:
    """All weights, running statistics counted, as the published counts do."""
    statistics = sum(buffer.numel() for name, buffer in model.named_buffers() if name.rpartition(".")[2] in ("running_mean", "running_var"))
    return sum(parameter.numel() for parameter in model.parameters()) + statistics
