"""Published models and their corrected twins by name: plain data, as a recipe's `model` would hold it.

Each preset has three parts: `encoder`, its name in `ENCODERS` and keyword arguments; `head`, keyword arguments of
`CTCHead` without `num_tokens`, which the token table gives; `features`, the front end's name and options.
To change an option, copy the preset and set it; `blocks` 3, 5 and 7 of crnn-dredwardhyde were all published.
"""

from __future__ import annotations

from collections.abc import Mapping

Options = Mapping[str, str | int | float | bool]
Preset = Mapping[str, Options]

_MEL128_LOG: Options = {"name": "mel128", "log": True}
_MEL128_POWER: Options = {"name": "mel128", "log": False}  # as published: mel power without logarithm (C4)

PRESETS: Mapping[str, Preset] = {
    "crnn-assembly": {
        "encoder": {"name": "crnn_assembly", "faithful": False, "num_features": 128, "blocks": 3, "dropout": 0.1},
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.1},
        "features": _MEL128_LOG,
    },
    "crnn-assembly-faithful": {
        "encoder": {"name": "crnn_assembly", "faithful": True, "num_features": 128, "blocks": 3, "dropout": 0.1},
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.1},
        "features": _MEL128_POWER,
    },
    "crnn-dredwardhyde": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": False,
            "num_features": 128,
            "blocks": 7,
            "activation": "gelu",
            "dropout": 0.2,
        },
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.2},
        "features": _MEL128_LOG,
    },
    "crnn-dredwardhyde-3-faithful": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": True,
            "num_features": 128,
            "blocks": 3,
            "activation": "gelu",
            "dropout": 0.1,
        },
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.1},
        "features": _MEL128_POWER,
    },
    "crnn-dredwardhyde-5-faithful": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": True,
            "num_features": 128,
            "blocks": 5,
            "activation": "relu",
            "dropout": 0.2,
        },
        "head": {"hidden": 512, "activation": "relu", "dropout": 0.2},
        "features": _MEL128_POWER,
    },
    "crnn-dredwardhyde-faithful": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": True,
            "num_features": 128,
            "blocks": 7,
            "activation": "gelu",
            "dropout": 0.2,
        },
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.2},
        "features": _MEL128_POWER,
    },
    "deepspeech2-keras": {
        "encoder": {"name": "deepspeech2_keras", "faithful": False, "num_features": 80, "dropout": 0.5},
        "head": {"hidden": 1024, "activation": "relu", "dropout": 0.5},
        "features": {"name": "fbank80"},
    },
    "deepspeech2-keras-faithful": {
        "encoder": {"name": "deepspeech2_keras", "faithful": True, "num_features": 193, "dropout": 0.5},
        "head": {"hidden": 1024, "activation": "relu", "dropout": 0.5},
        "features": {"name": "stft193", "sample_rate": 22050},  # LJSpeech's own rate, never resampled as published
    },
}
