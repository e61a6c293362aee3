"""Normalisation of features: none, by the utterance's own statistics, or by given ones.

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

Mode = Literal["none", "utterance", "global"]

STD_FLOOR = 1e-5  # a log feature that moves less than this is constant: float32 holds log values of 16 to 1e-6


@dataclass(frozen=True)
class Normalization:
    """(features - mean) / max(std, 1e-5), each feature on its own.

    Attributes:
        mode: `none` leaves features as they are; `utterance` takes mean and population std over the frames of the utterance, so a
            constant feature, and an utterance of one frame, become zeros; `global` takes the vectors below.
        mean: (F,) for `global`, in the features' unit; empty otherwise.
        std: (F,) for `global`, positive; empty otherwise.
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
        """Build from {"mode": ...}, with "mean" and "std" (sequences of F numbers) for "global".

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
        if self.mode != "global":
            return {"mode": self.mode}
        return {"mode": self.mode, "mean": list(self.mean), "std": list(self.std)}

    @property
    def streams(self) -> bool:
        """Whether a frame can be normalised as soon as it is there; `utterance` needs the future."""
        return self.mode != "utterance"

    def __call__(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Normalise features (T, F) of one utterance, T = 0 included; returns (T, F) float32.

        Raises:
            ShapeError: features are not (T, F), or F is not the length of the global vectors.
        """
        if features.ndim != 2:
            raise ShapeError(f"Features have shape {features.shape}, but normalisation takes one utterance, (T, F).")
        if self.mode == "none" or (self.mode == "utterance" and len(features) == 0):
            return features
        if self.mode == "global":
            self.check_features(features.shape[1])
            mean, std = np.array(self.mean), np.array(self.std)
        else:
            mean = features.mean(axis=0, dtype=np.float64)  # float64 adds float32 without error: the mean of a constant is that constant
            std = np.sqrt(((features - mean) ** 2).mean(axis=0))
        normalized: npt.NDArray[np.float64] = (features - mean) / np.maximum(std, STD_FLOOR)
        return normalized.astype(np.float32)

    def check_features(self, num_features: int) -> None:
        """Raise ShapeError unless global vectors are of this length."""
        if self.mode == "global" and num_features != len(self.mean):
            raise ShapeError(f"Features have {num_features} columns, but the global statistics were taken for {len(self.mean)}.")

    def _problems(self) -> list[str]:
        if self.mode not in get_args(Mode):
            return [f"mode {self.mode!r} is not one of {', '.join(get_args(Mode))}"]
        if self.mode != "global":
            return [f"{name} has no meaning for mode {self.mode}" for name in ("mean", "std") if getattr(self, name)]
        problems = []
        if not self.mean or len(self.mean) != len(self.std):
            problems.append(f"mode global needs mean and std of one length, not {len(self.mean)} and {len(self.std)} numbers")
        if not all(map(math.isfinite, self.mean)):
            problems.append("mean holds a number that is not finite")
        if not all(math.isfinite(value) and value > 0 for value in self.std):
            problems.append("std holds a number that is not finite and above zero")
        return problems


def _numbers(key: str, value: Any) -> tuple[float, ...]:
    listed = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    if not listed or not all(isinstance(number, (int, float, np.floating)) and not isinstance(number, bool) for number in value):
        raise RecipeError(f"normalization: {key} is not a list of numbers.", "Give one number for each feature.")
    return tuple(float(number) for number in value)
