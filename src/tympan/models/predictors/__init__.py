"""The predictors of transducers: one file a family, and the dictionary that names them."""

from __future__ import annotations

from tympan.models.predictors.lstm import LSTMPredictor
from tympan.models.predictors.predictor import Predictor
from tympan.models.predictors.stateless import StatelessPredictor

__all__ = ["LSTMPredictor", "PREDICTORS", "Predictor", "StatelessPredictor"]

PREDICTORS: dict[str, type[Predictor]] = {"lstm": LSTMPredictor, "stateless": StatelessPredictor}
