"""Front ends: samples (N,) at a rate -> features (T, F), whole or as a stream, each described by a small config.

>>> import numpy as np
>>> extractor = from_config({"name": "fbank80"})
>>> extractor(np.zeros(16000, np.float32)).shape
(98, 80)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tympan.errors import RecipeError
from tympan.features.extractor import Extractor, Stream
from tympan.features.fbank64 import Fbank64
from tympan.features.fbank80 import Fbank80
from tympan.features.mel128 import Mel128
from tympan.features.mfcc26 import Mfcc26
from tympan.features.normalize import Normalization
from tympan.features.spec160 import Spec160
from tympan.features.spec161 import Spec161
from tympan.features.stft193 import Stft193
from tympan.features.waveform import Waveform

__all__ = [
    "Extractor",
    "Fbank64",
    "Fbank80",
    "Mel128",
    "Mfcc26",
    "Normalization",
    "Spec160",
    "Spec161",
    "Stft193",
    "Stream",
    "Waveform",
    "from_config",
]

_FRONT_ENDS: dict[str, type[Extractor]] = {
    front_end.name: front_end for front_end in (Fbank64, Fbank80, Mel128, Mfcc26, Spec160, Spec161, Stft193, Waveform)
}


def from_config(config: Mapping[str, object]) -> Extractor:
    """Build the front end that a recipe or a bundle describes.

    Args:
        config: `name`, one of "fbank64", "fbank80", "mel128", "mfcc26", "spec160", "spec161", "stft193", "waveform", and the front end's
            own options: `log` (false or true) for mel128, `bins` (160 or 96) for spec160, `sample_rate` (22050 or 16000) for stft193.

    Raises:
        RecipeError: the name or a key is unknown, or a value is impossible; all of them are named.
    """
    if not isinstance(config, Mapping):
        raise RecipeError(f"features: {config!r} is no table of keys and values.", 'Say for example {"name": "fbank80"}.')
    name = config.get("name")
    if not isinstance(name, str) or name not in _FRONT_ENDS:
        raise RecipeError(f"features.name: {name!r} is no front end.", f"Choose one of {', '.join(_FRONT_ENDS)}.")
    options = {key: value for key, value in config.items() if key != "name"}
    problems = _problems(name, options)
    if problems:
        raise RecipeError(f"features: {'; '.join(problems)}.", "Correct or leave out these keys.")
    build: Callable[..., Extractor] = _FRONT_ENDS[name]
    return build(**options)


def _problems(name: str, options: Mapping[str, object]) -> list[str]:
    choices = _FRONT_ENDS[name].choices
    problems = []
    for key, value in options.items():
        if key not in choices:
            known = f"its options are {', '.join(choices)}" if choices else "it has no options"
            problems.append(f"{name} does not know {key!r}, {known}")
        elif not any(type(value) is type(choice) and value == choice for choice in choices[key]):  # 1 == True in Python, not here
            problems.append(f"{key} = {value!r} is not one of {', '.join(map(repr, choices[key]))}")
    return problems
