"""A CTC model: encoder, head, and optional intermediate heads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tympan.models.encoders.encoder import Encoder
from tympan.models.heads.ctc import CTCHead
from tympan.models.layers.past import Past
from tympan.models.speech_model import SpeechModel


@dataclass
class CTCOutput:
    """What a CTC model gives in training.

    Attributes:
        log_probs: (B, T', V) float32, natural log.
        lengths: (B,) int64, valid frames.
        intermediate: log_probs of the intermediate heads, the same shape each.
    """

    log_probs: torch.Tensor
    lengths: torch.Tensor
    intermediate: list[torch.Tensor] = field(default_factory=list)


class CTCModel(SpeechModel):
    """features, lengths -> log_probs, lengths'.

    With `condition`, the encoder's taps go through the same head, and their posteriors are projected back into the stream:
    self-conditioned CTC (Nozaki and Komatsu 2021, arXiv:2104.02724, equations 7 to 9). In training the tapped log_probs are
    returned for the intermediate CTC loss (Lee and Watanabe 2021, arXiv:2102.03216).

    Args:
        encoder: with `taps` if `condition`.
        head: the CTC head.
        condition: feed the intermediate posteriors back.
    """

    family = "ctc"
    aligned = True

    def __init__(self, encoder: Encoder, head: CTCHead, *, condition: bool = False) -> None:
        super().__init__(encoder)
        self.head = head
        self.tap_norm = nn.LayerNorm(encoder.output_dim) if condition else None
        self.feedback = nn.Linear(head.num_tokens * head.unfold, encoder.output_dim) if condition else None

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Frames of log_probs for `lengths` frames of features, in closed form."""
        return self.head.output_lengths(self.encoder.output_lengths(lengths))

    def token_axes(self) -> dict[str, int]:
        """Tensors of the state whose slices along an axis belong to tokens, and that axis."""
        last = f"head.layers.{len(self.head.layers) - 1}"
        axes = {name: 0 for name in (f"{last}.weight", f"{last}.bias") if name in self.state_dict()}
        return axes if self.feedback is None else {**axes, "feedback.weight": 1}

    def run(self, features: torch.Tensor, lengths: torch.Tensor, chunk_sizes: torch.Tensor | None = None) -> CTCOutput:
        """(B, T, F), (B,) -> log_probs, lengths and intermediate log_probs; `chunk_sizes` as the encoder takes them."""
        taps: list[torch.Tensor] = []
        options: dict[str, Any] = {} if chunk_sizes is None else {"chunk_sizes": chunk_sizes}
        encoded, lengths = self.encoder(features, lengths, **self.tapped(taps), **options)
        return CTCOutput(self.head(encoded), self.head.output_lengths(lengths), taps)

    def step(self, features: torch.Tensor, lengths: torch.Tensor, past: Past) -> tuple[torch.Tensor, torch.Tensor]:
        """The next chunk of an utterance, as the encoder's `step` takes it -> log_probs (B, T', V) and lengths' (B,)."""
        step: Any = self.encoder.step  # with a tap where the encoder has taps
        encoded, lengths = step(features, lengths, past, **self.tapped([]))
        return self.head(encoded), self.head.output_lengths(lengths)

    def tapped(self, taps: list[torch.Tensor]) -> dict[str, Any]:
        """What the encoder is called with if posteriors are fed back: a tap, which adds its log_probs to `taps`."""
        if self.feedback is None or self.tap_norm is None:
            return {}
        norm, feedback = self.tap_norm, self.feedback

        def tap(_: int, x: torch.Tensor) -> torch.Tensor:
            log_probs = self.head(norm(x))  # (B, u T', V)
            taps.append(log_probs)
            posteriors = log_probs.exp().unflatten(1, (-1, self.head.unfold)).flatten(2)  # (B, T', u V)
            y: torch.Tensor = x + feedback(posteriors)
            return y

        return {"tap": tap}

    def frame_log_probs(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`."""
        output = self.run(features, lengths)
        return output.log_probs, output.lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> log_probs (B, T', V) and lengths' (B,)."""
        output = self.run(features, lengths)
        return output.log_probs, output.lengths
