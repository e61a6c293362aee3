"""The RNN transducer: any encoder, a predictor and a joiner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tympan.errors import RecipeError
from tympan.models.build import build_encoder, construct
from tympan.models.encoders.encoder import Encoder
from tympan.models.heads.joiner import Joiner
from tympan.models.predictors import PREDICTORS, Predictor
from tympan.models.speech_model import SpeechModel


class TransducerModel(SpeechModel):
    """encoded frames beside predicted text -> the next token, or the blank that moves on by one frame.

    Training:  encoded, lengths = model.encoder(features, lengths); predicted = model.predictor(targets)
               loss from model.joiner over every pair of both (`tympan.training.objectives.transducer`)
    Search:    model.encoder once, model.predictor.step for each token, model.joiner.log_probs for each pair that is looked at

    Source: Graves 2012, arXiv:1211.3711.
    """

    family = "transducer"

    def __init__(self, encoder: Encoder, predictor: Predictor, joiner: Joiner) -> None:
        super().__init__(encoder)
        self.predictor = predictor
        self.joiner = joiner

    def token_axes(self) -> dict[str, int]:
        """Tensors of the state whose slices along an axis belong to tokens, and that axis."""
        return {"joiner.output.weight": 0, "joiner.output.bias": 0, "predictor.embedding.weight": 0}

    def forward(self, features: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,), (B, U) -> log_probs (B, T', U + 1, V) of the whole lattice, and lengths' (B,): for small ones."""
        encoded, lengths = self.encoder(features, lengths)
        return self.joiner.log_probs(encoded[:, :, None], self.predictor(targets)[:, None]), lengths


def build_transducer(config: Mapping[str, Any], num_features: int, num_tokens: int) -> TransducerModel:
    """A transducer with fresh weights.

    Args:
        config: {"encoder": {"name": ..., ...}, "predictor": {"name": "stateless" or "lstm", ...}, "joiner": {...}}.
        num_features: F of the front end.
        num_tokens: V with blank.

    Raises:
        RecipeError: an unknown encoder, predictor, key, or impossible value; it is named with what would be right.
    """
    encoder = build_encoder(config["encoder"], num_features)
    if getattr(encoder, "taps", ()):
        raise RecipeError("model.encoder.taps have no effect under a transducer.", "Leave them out.")
    options = {"name": "stateless", **config.get("predictor", {})}
    name = options.pop("name")
    if not isinstance(name, str) or name not in PREDICTORS:
        raise RecipeError(f"model.predictor.name: there is no predictor {name!r}.", f"There are: {', '.join(sorted(PREDICTORS))}.")
    predictor = construct(PREDICTORS[name], "model.predictor", {"num_tokens": num_tokens}, options)
    given = {"encoder_dim": encoder.output_dim, "predictor_dim": predictor.output_dim, "num_tokens": num_tokens}
    return TransducerModel(encoder, predictor, construct(Joiner, "model.joiner", given, config.get("joiner", {})))
