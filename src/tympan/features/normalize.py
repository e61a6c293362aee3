"""Normalisation of features: none, by the utterance's own statistics, by given ones, or by those of what was heard so far.

Correction C5: statistics are taken for each feature over time. Per frame over frequency (as `stft193` does by itself) would remove
what tells a loud frame from a quiet one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from tympan.errors import RecipeError, ShapeError

Mode = Literal["none", "utterance", "global", "running", "level"]
PRIOR_FRAMES = 100  # a second of speech at the usual 10 ms weighs as much as the given statistics
LEVEL_QUANTILE = 0.9  # of the frames; the loudest may be a click, and how many are quiet says nothing of the speaker

STD_FLOOR = 1e-5  # a log feature that moves less than this is constant: float32 holds log values of 16 to 1e-6


@dataclass(frozen=True)
class Normalization:
    """(features - mean) / max(std, 1e-5), each feature on its own.

    Attributes:
        mode: `none` leaves features as they are; `utterance` takes mean and population std over the frames of the utterance, so a
            constant feature, and an utterance of one frame, become zeros; `global` takes the vectors below; `running` takes
            the statistics of the frames up to and with each, begun with `PRIOR_FRAMES` frames of the vectors below; `level` takes
            the level of the utterance, one number, off all its features, and then the vectors below. It is for log features of
            single words, of which `utterance` would remove the vowel and `global` leave the distance of the microphone.
        mean: (F,) for `global`, `running` and `level`, in the features' unit; empty otherwise.
        std: (F,) for `global`, `running` and `level`, positive; empty otherwise.
    """

    mode: Mode = "none"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise RecipeError(f"normalization: {'; '.join(problems)}.", 'Say for example {"mode": "utterance"}.')

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Normalization:
        """Build from {"mode": ...}, with "mean" and "std" (sequences of F numbers) for all but "none" and "utterance".

        Raises:
            RecipeError: an unknown key, or a value that cannot be; all are named.
        """
        unknown = sorted(map(str, set(config) - {field.name for field in fields(cls)}))
        if unknown:
            raise RecipeError(f"normalization: unknown key {', '.join(unknown)}.", "Known are mode, mean, std.")
        if "mode" not in config:
            raise RecipeError("normalization: mode is missing.", f"Choose one of {', '.join(get_args(Mode))}.")
        return cls(config["mode"], _numbers("mean", config.get("mean", ())), _numbers("std", config.get("std", ())))  # type: ignore[arg-type]  # checked by __post_init__

    def config(self) -> dict[str, object]:
        """Describe this normalisation such that `from_config` builds an equal one; only JSON values."""
        if not self.given:
            return {"mode": self.mode}
        return {"mode": self.mode, "mean": list(self.mean), "std": list(self.std)}

    @property
    def given(self) -> bool:
        """Whether the mode takes given statistics."""
        return self.mode in ("global", "running", "level")

    @property
    def streams(self) -> bool:
        """Whether a frame can be normalised as soon as it is there; `utterance` and `level` need the future."""
        return self.mode not in ("utterance", "level")

    def __call__(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Normalise features (T, F) of one utterance, T = 0 included; returns (T, F) float32.

        Raises:
            ShapeError: features are not (T, F), or F is not the length of the global vectors.
        """
        if features.ndim != 2:
            raise ShapeError(f"Features have shape {features.shape}, but normalisation takes one utterance, (T, F).")
        if self.mode == "none" or (not self.streams and len(features) == 0):
            return features
        if self.mode == "running":
            return Running(self)(features)
        if self.given:
            self.check_features(features.shape[1])
            mean, std = np.array(self.mean), np.array(self.std)
            mean = mean + level(features) if self.mode == "level" else mean
        else:
            mean = features.mean(axis=0, dtype=np.float64)  # float64 adds float32 without error: the mean of a constant is that constant
            std = np.sqrt(((features - mean) ** 2).mean(axis=0))
        normalized: npt.NDArray[np.float64] = (features - mean) / np.maximum(std, STD_FLOOR)
        return normalized.astype(np.float32)

    def check_features(self, num_features: int) -> None:
        """Raise ShapeError unless global vectors are of this length."""
        if self.given and num_features != len(self.mean):
            raise ShapeError(f"Features have {num_features} columns, but the global statistics were taken for {len(self.mean)}.")

    def _problems(self) -> list[str]:
        if self.mode not in get_args(Mode):
            return [f"mode {self.mode!r} is not one of {', '.join(get_args(Mode))}"]
        if not self.given:
            return [f"{name} has no meaning for mode {self.mode}" for name in ("mean", "std") if getattr(self, name)]
        problems = []
        if not self.mean or len(self.mean) != len(self.std):
            problems.append(f"mode {self.mode} needs mean and std of one length, not {len(self.mean)} and {len(self.std)} numbers")
        if not all(map(math.isfinite, self.mean)):
            problems.append("mean holds a number that is not finite")
        if not all(math.isfinite(value) and value > 0 for value in self.std):
            problems.append("std holds a number that is not finite and above zero")
        return problems


def level(features: npt.NDArray[np.float32]) -> float:
    """How loud log features (T, F) are, T > 0: the `LEVEL_QUANTILE` of the frames' means over the bands."""
    return float(np.quantile(features.mean(axis=1, dtype=np.float64), LEVEL_QUANTILE))


class Running:
    """One utterance under the mode `running`, whole or chunk by chunk: however it is cut, the result is the same to the bit.

        running = Running(normalization)
        for chunk in chunks: normalized = running(chunk)

    Args:
        normalization: of mode `running`.
    """

    def __init__(self, normalization: Normalization) -> None:
        self.normalization = normalization
        mean, std = np.array(normalization.mean), np.array(normalization.std)
        self.frames = PRIOR_FRAMES
        self.total = PRIOR_FRAMES * mean  # (F,), of the features
        self.squares = PRIOR_FRAMES * (std**2 + mean**2)  # (F,), of their squares

    def __call__(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Normalise the next frames (T, F)."""
        self.normalization.check_features(features.shape[1])
        if not len(features):
            return features
        values = features.astype(np.float64)
        # The sum so far is the first summand, so that the additions are those of the uncut utterance.
        totals = np.cumsum(np.vstack((self.total, values)), axis=0)[1:]
        squares = np.cumsum(np.vstack((self.squares, values**2)), axis=0)[1:]
        counts = self.frames + np.arange(1, len(features) + 1)[:, None]
        self.frames, self.total, self.squares = self.frames + len(features), totals[-1], squares[-1]
        mean = totals / counts
        std = np.sqrt(np.maximum(squares / counts - mean**2, 0))
        normalized: npt.NDArray[np.float64] = (values - mean) / np.maximum(std, STD_FLOOR)
        return normalized.astype(np.float32)


def _numbers(key: str, value: Any) -> tuple[float, ...]:
    listed = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    if not listed or not all(isinstance(number, (int, float, np.floating)) and not isinstance(number, bool) for number in value):
        raise RecipeError(f"normalization: {key} is not a list of numbers.", "Give one number for each feature.")
    return tuple(float(number) for number in value)
