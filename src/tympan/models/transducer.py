"""The RNN transducer: any encoder, a predictor and a joiner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tympan.errors import RecipeError
from tympan.models.build import build_encoder, construct
from tympan.models.encoders.encoder import Encoder
from tympan.models.heads.ctc import CTCHead
from tympan.models.heads.joiner import Joiner
from tympan.models.predictors import PREDICTORS, Predictor
from tympan.models.speech_model import SpeechModel


class TransducerModel(SpeechModel):
    """encoded frames beside predicted text -> the next token, or the blank that moves on by one frame.

    Training:  encoded, lengths = model.encoder(features, lengths); predicted = model.predictor(targets)
               loss from model.joiner over every pair of both (`tympan.training.objectives.transducer`)
    Search:    model.encoder once, model.predictor.step for each token, model.joiner.log_probs for each pair that is looked at

    With `head`, the encoded frames are trained by CTC too, which teaches an encoder to listen long before the predictor knows any text.
    The search does not use it.

    Source: Graves 2012, arXiv:1211.3711.
    """

    family = "transducer"

    def __init__(self, encoder: Encoder, predictor: Predictor, joiner: Joiner, head: CTCHead | None = None) -> None:
        super().__init__(encoder)
        self.predictor = predictor
        self.joiner = joiner
        self.head = head

    def frame_log_probs(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        """(B, T, F), (B,) -> CTC's log_probs (B, T', V) and lengths' (B,); None for a model without a CTC head."""
        if self.head is None:
            return None
        encoded, lengths = self.encoder(features, lengths)
        return self.head(encoded), self.head.output_lengths(lengths)

    def token_axes(self) -> dict[str, int]:
        """Tensors of the state whose slices along an axis belong to tokens, and that axis."""
        names = ["joiner.output.weight", "joiner.output.bias", "predictor.embedding.weight"]
        if self.head is not None:
            last = f"head.layers.{len(self.head.layers) - 1}"
            names += [name for name in (f"{last}.weight", f"{last}.bias") if name in self.state_dict()]
        return dict.fromkeys(names, 0)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,), (B, U) -> log_probs (B, T', U + 1, V) of the whole lattice, and lengths' (B,): for small ones."""
        encoded, lengths = self.encoder(features, lengths)
        return self.joiner.log_probs(encoded[:, :, None], self.predictor(targets)[:, None]), lengths


def build_transducer(config: Mapping[str, Any], num_features: int, num_tokens: int) -> TransducerModel:
    """A transducer with fresh weights.

    Args:
        config: {"encoder": {"name": ..., ...}, "predictor": {"name": "stateless" or "lstm", ...}, "joiner": {...}}; with
            "ctc_head": True also "head": {...}.
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
    joiner = construct(Joiner, "model.joiner", given, config.get("joiner", {}))
    return TransducerModel(encoder, predictor, joiner, build_head(encoder, config, num_tokens))


def build_head(encoder: Encoder, config: Mapping[str, Any], num_tokens: int) -> CTCHead | None:
    """The CTC head beside another way to make text, if there is to be one; RecipeError as `build_transducer`."""
    options = config.get("head", {})
    if config.get("ctc_head"):
        head: CTCHead = construct(CTCHead, "model.head", {"dim": encoder.output_dim, "num_tokens": num_tokens}, options)
        return head
    if options:
        raise RecipeError("model.head has no effect without model.ctc_head: true.", "Leave it out, or set that.")
    return None
