"""Front ends: samples (N,) at a rate -> features (T, F), whole or as a stream, each described by a small config."""

from __future__ import annotations

from collections.abc import Mapping

from tympan.errors import RecipeError
from tympan.features.extractor import Extractor, Stream
from tympan.features.fbank80 import Fbank80

__all__ = ["Extractor", "Stream", "from_config"]

_FRONT_ENDS: dict[str, type[Extractor]] = {front_end.name: front_end for front_end in (Fbank80,)}


def from_config(config: Mapping[str, object]) -> Extractor:
    """Build the front end that a recipe or a bundle describes.

    Args:
        config: `name` and the front end's own keys, e.g. {"name": "fbank80"}.

    Raises:
        RecipeError: the name or a key is unknown, or a value is impossible; all of them are named.
    """
    name = config.get("name")
    if not isinstance(name, str) or name not in _FRONT_ENDS:
        raise RecipeError(f"features.name: {name!r} is no front end.", f"Choose one of {', '.join(_FRONT_ENDS)}.")
    front_end = _FRONT_ENDS[name]
    options = {key: value for key, value in config.items() if key != "name"}
    unknown = sorted(map(str, options))
    if unknown:
        raise RecipeError(f"features: {name} does not know {', '.join(unknown)}.", f"{name} takes no options.")
    return front_end()
