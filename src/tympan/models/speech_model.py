"""What the models of all families have in common: an encoder, and what training, export and fine-tuning ask of any of them."""

from __future__ import annotations

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder


class SpeechModel(nn.Module):
    """Base of the models: encoder(features, lengths) -> encoded, lengths', and whatever makes text of these.

    Attributes:
        family: its name in `FAMILIES`.
        aligned: whether each token needs an encoded frame of its own, so that a text can be too long for its sound.
    """

    family: str
    aligned = False

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Frames of the output (CTC: of log_probs, else encoded ones) for `lengths` frames of features, in closed form."""
        return self.encoder.output_lengths(lengths)

    def frame_log_probs(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        """(B, T, F), (B,) -> CTC's log_probs (B, T', V) and lengths' (B,); None for a model without a CTC head."""
        return None

    def token_axes(self) -> dict[str, int]:
        """Tensors of the state whose slices along an axis belong to tokens, and that axis."""
        raise NotImplementedError
