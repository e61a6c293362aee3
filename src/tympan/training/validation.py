"""What a validation hears, summed over batches and processes, and the rates that come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tympan import scoring

if TYPE_CHECKING:
    from tympan.training.ranks import Ranks


@dataclass(frozen=True)
class Emission:
    """One utterance through the network: features (T, F), and log_probs (T', V) of it."""

    features: npt.NDArray[np.float32]
    log_probs: npt.NDArray[np.float32]


@dataclass
class Validation:
    """What a validation found: pooled rates, mean loss an output frame, share of blank frames, and some utterances.

    Attributes:
        samples: reference and hypothesis of some utterances.
        emission: features and log_probs of the first of them; None if there was none.
        skipped: id -> why, of utterances that could not be read.
        measure: what `wer` and `cer` count where it is not words and characters: of a pre-training both are the share of wrong codes.
    """

    wer: float
    cer: float
    loss: float
    blank_share: float
    samples: list[tuple[str, str]]
    emission: Emission | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    measure: str = "WER"

    def row(self) -> dict[str, float]:
        """The rates, for the history."""
        return {"wer": self.wer, "cer": self.cer, "loss": self.loss, "blank_share": self.blank_share}


@dataclass
class Heard:
    """Sums over the batches of a validation."""

    pairs: list[tuple[str, str]] = field(default_factory=list)  # reference, hypothesis
    loss: float = 0.0
    frames: int = 0
    blanks: int = 0
    guessed: int = 0  # codes, of a pre-training
    wrong: int = 0
    emission: Emission | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def together(self, ranks: Ranks) -> Heard:
        """The same over all processes, equal in each but for the emission, which stays its own."""
        whole = Heard(emission=self.emission)
        sums = [self.pairs, self.loss, self.frames, self.blanks, self.skipped, self.guessed, self.wrong]
        for pairs, loss, frames, blanks, skipped, guessed, wrong in ranks.gather(sums):
            whole.pairs += [(reference, hypothesis) for reference, hypothesis in pairs]
            whole.loss, whole.frames, whole.blanks = whole.loss + loss, whole.frames + frames, whole.blanks + blanks
            whole.skipped |= skipped
            whole.guessed, whole.wrong = whole.guessed + guessed, whole.wrong + wrong
        return whole

    def validation(self, samples: int, measure: str = "WER") -> Validation:
        """The rates of these sums."""
        if self.guessed:
            rate = self.wrong / self.guessed
            return Validation(rate, rate, self.loss / max(1, self.frames), 0.0, [], None, self.skipped, measure)
        score = scoring.score([reference for reference, _ in self.pairs], [hypothesis for _, hypothesis in self.pairs])
        frames = max(1, self.frames)
        return Validation(score.wer, score.cer, self.loss / frames, self.blanks / frames, self.pairs[:samples], self.emission, self.skipped)
