"""BEST-RQ: an encoder that learns to tell the codes of what was hidden from it. It hears no text and writes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tympan.errors import RecipeError
from tympan.models.build import build_encoder, construct
from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.lengths import length_mask
from tympan.models.quantizer import RandomProjectionQuantizer
from tympan.models.speech_model import SpeechModel

LONG = 1 << 16


@dataclass
class Guesses:
    """What the network makes of features of which some are hidden.

    Attributes:
        logits: (n, N, K) of the n hidden encoded frames that are valid.
        codes: (n, N) what they are.
        lengths: (B,) encoded frames.
    """

    logits: torch.Tensor
    codes: torch.Tensor
    lengths: torch.Tensor


class BestRQModel(SpeechModel):
    """features with noise in the place of some -> the codes of these.

    Args:
        encoder: any whose frames stand for the same number of feature frames each.
        quantizer: makes the codes.

    Source: Chiu et al. 2022, arXiv:2202.01855.
    """

    family = "best-rq"

    def __init__(self, encoder: Encoder, quantizer: RandomProjectionQuantizer) -> None:
        super().__init__(encoder)
        self.quantizer = quantizer
        self.output = nn.Linear(encoder.output_dim, len(quantizer.codebook) * quantizer.codes)

    def token_axes(self) -> dict[str, int]:
        """None: it knows no tokens."""
        return {}

    def hide(self, features: torch.Tensor, hidden: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Features (B, T, F) with `noise` of that shape in the place of all that belongs to `hidden` (B, T') encoded frames."""
        frames = hidden.repeat_interleave(self.quantizer.stack, dim=1)[:, : features.shape[1]]
        frames = nn.functional.pad(frames, (0, features.shape[1] - frames.shape[1]))
        return torch.where(frames[..., None], noise, features)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor, hidden: torch.Tensor, noise: torch.Tensor) -> Guesses:
        """Guess what is hidden.

        Args:
            features: (B, T, F), normalised.
            lengths: (B,).
            hidden: (B, T') bool, by encoded frames.
            noise: (B, T, F), heard in the place of what is hidden.
        """
        codes = self.quantizer(features, hidden.shape[1])
        encoded, lengths = self.encoder(self.hide(features, hidden, noise), lengths)
        asked = hidden[:, : encoded.shape[1]] & length_mask(lengths, encoded.shape[1])
        logits = self.output(encoded[asked]).float()
        return Guesses(logits.view(len(logits), -1, self.quantizer.codes), codes[:, : encoded.shape[1]][asked], lengths)


def draw_hidden(batch: int, frames: int, probability: float, span: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """(B, T') bool: spans of `span` frames that begin anywhere with `probability`, and may overlap; at least one in each row."""
    starts = torch.rand(batch, frames, generator=generator) < probability
    starts[torch.arange(batch), torch.randint(max(1, frames - span + 1), (batch,), generator=generator)] |= ~starts.any(dim=1)
    reach = nn.functional.pad(starts.float(), (span - 1, 0))[:, None]
    return nn.functional.max_pool1d(reach, span, stride=1)[:, 0] > 0


def build_best_rq(config: Mapping[str, Any], num_features: int, num_tokens: int) -> BestRQModel:
    """A model to pre-train with fresh weights.

    Args:
        config: {"encoder": {"name": ..., ...}, "quantizer": {"codebooks": ..., "codes": ..., "dim": ...}}.
        num_features: F of the front end.
        num_tokens: no effect.

    Raises:
        RecipeError: an unknown encoder, key, or impossible value; it is named with what would be right.
    """
    encoder = build_encoder(config["encoder"], num_features)
    if getattr(encoder, "taps", ()):
        raise RecipeError("model.encoder.taps have no effect in a pre-training.", "Leave them out.")
    stack = round(LONG / int(encoder.output_lengths(torch.tensor([LONG], device="cpu"))[0]))
    given = {"num_features": num_features, "stack": stack}
    return BestRQModel(encoder, construct(RandomProjectionQuantizer, "model.quantizer", given, config.get("quantizer", {})))
