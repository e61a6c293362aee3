"""What the features of a corpus are like: the vectors of a normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tympan import audio
from tympan.data.manifest import Utterance
from tympan.errors import AudioError, ManifestError
from tympan.features import Extractor
from tympan.features.normalize import level

MOST_UTTERANCES = 500
DIGITS = 3


def feature_statistics(utterances: Sequence[Utterance], extractor: Extractor, mode: Literal["global", "running", "level"]) -> dict[str, Any]:
    """A normalisation's configuration, with mean and standard deviation of each feature.

    Args:
        utterances: of the training; of more than `MOST_UTTERANCES`, some from all over.
        extractor: the front end.
        mode: of the normalisation.

    Raises:
        ManifestError: not one of the recordings can be read.
    """
    frames, total, squares = 0, np.zeros(extractor.num_features), np.zeros(extractor.num_features)
    for utterance in utterances[:: -(-len(utterances) // MOST_UTTERANCES)]:
        try:
            features = extractor(audio.read(utterance.audio, extractor.sample_rate)).astype(np.float64)
        except AudioError:
            continue  # the doctor names it
        if not len(features):
            continue
        if mode == "level":
            features -= level(features)
        frames, total, squares = frames + len(features), total + features.sum(0), squares + (features**2).sum(0)
    if not frames:
        raise ManifestError("None of the recordings can be read, or all are empty.", "`tympan data doctor` says why for each.")
    mean = total / frames
    std = np.sqrt(np.maximum(squares / frames - mean**2, 0))
    return {"mode": mode, "mean": mean.round(DIGITS).tolist(), "std": np.maximum(std, 10**-DIGITS).round(DIGITS).tolist()}
