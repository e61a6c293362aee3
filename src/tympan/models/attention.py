"""Attention models: any encoder as the listener, a speller, and on wish a CTC head beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tympan.errors import RecipeError
from tympan.models.build import build_encoder, construct
from tympan.models.encoders.encoder import Encoder
from tympan.models.heads.ctc import CTCHead
from tympan.models.speech_model import SpeechModel
from tympan.models.spellers import Speller


class AttentionModel(SpeechModel):
    """features -> encoded frames; the speller writes token by token and looks at those that it needs.

    Training:  encoded, lengths = model.encoder(features, lengths); logits = model.speller(encoded, lengths, targets)
    Search:    the same encoded frames, and `model.speller.step` for each token

    Args:
        encoder: any.
        speller: for its frames.
        head: of CTC over the same frames, or None. It is trained beside the speller and steadies the alignment; the search may ask it.

    Source: Chan et al. 2015, arXiv:1508.01211; with CTC Kim, Hori and Watanabe 2016, arXiv:1609.06773.
    """

    family = "attention"

    def __init__(self, encoder: Encoder, speller: Speller, head: CTCHead | None = None) -> None:
        super().__init__(encoder)
        self.speller = speller
        self.head = head

    def frame_log_probs(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        """(B, T, F), (B,) -> CTC's log_probs (B, T', V) and lengths' (B,); None for a model without a CTC head."""
        if self.head is None:
            return None
        encoded, lengths = self.encoder(features, lengths)
        return self.head(encoded), self.head.output_lengths(lengths)

    def token_axes(self) -> dict[str, int]:
        """Tensors of the state whose slices along an axis belong to tokens, and that axis."""
        return speller_axes(self)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,), (B, U) -> log_probs (B, U + 1, V) of what follows each beginning of the targets, and lengths' (B,)."""
        encoded, lengths = self.encoder(features, lengths)
        return self.speller(encoded, lengths, targets).float().log_softmax(dim=-1), lengths


def speller_axes(model: SpeechModel) -> dict[str, int]:
    """`token_axes` of a model with a `speller` and perhaps a `head`."""
    names = ["speller.embedding.weight", "speller.output.weight", "speller.output.bias"]
    if isinstance(model.head, CTCHead):
        last = f"head.layers.{len(model.head.layers) - 1}"
        names += [name for name in (f"{last}.weight", f"{last}.bias") if name in model.state_dict()]
    return dict.fromkeys(names, 0)


def build_attention(config: Mapping[str, Any], num_features: int, num_tokens: int) -> AttentionModel:
    """An attention model with fresh weights.

    Args:
        config: {"encoder": {"name": ..., ...}, "decoder": {...}, "ctc_head": bool, "head": {...}}.
        num_features: F of the front end.
        num_tokens: V with blank.

    Raises:
        RecipeError: an unknown encoder, key, or impossible value; it is named with what would be right.
    """
    encoder = build_encoder(config["encoder"], num_features)
    if getattr(encoder, "taps", ()):
        raise RecipeError("model.encoder.taps have no effect under an attention model.", "Leave them out.")
    given = {"encoder_dim": encoder.output_dim, "num_tokens": num_tokens}
    speller = construct(Speller, "model.decoder", given, config.get("decoder", {}))
    if not config.get("ctc_head", True):
        if config.get("head"):
            raise RecipeError("model.head has no effect with model.ctc_head: false.", "Leave one of them out.")
        return AttentionModel(encoder, speller)
    head = construct(CTCHead, "model.head", {"dim": encoder.output_dim, "num_tokens": num_tokens}, config.get("head", {}))
    return AttentionModel(encoder, speller, head)
