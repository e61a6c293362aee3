"""All language models of a search that writes tokens freely, as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tympan.decoding.beam import check_numbers
from tympan.decoding.token_fusion import NeuralState, TokenFusion
from tympan.decoding.word_fusion import UNKNOWN_SCORE, FusionState, WordFusion
from tympan.tokens import TokenTable

if TYPE_CHECKING:
    from tympan.lm import Scorer


@dataclass(frozen=True)
class Fused:
    """What the language models know of a hypothesis.

    Attributes:
        words: the n-gram; None without one.
        neural: the neural model; None without one.
    """

    words: FusionState | None = None
    neural: NeuralState | None = None

    @property
    def lm_score(self) -> float:
        """Of the n-gram, natural log, unweighted."""
        return self.words.lm_score if self.words else 0.0

    @property
    def neural_score(self) -> float:
        """Of the neural model, natural log, unweighted."""
        return self.neural.score if self.neural else 0.0


NOTHING = Fused()


class Fusion:
    """Scores words by an n-gram and tokens by a neural model, whichever there is; without either it adds nothing.

    state = fusion.start(); state = fusion.add(state, token); ...; state = fusion.finish(state); fusion.score(state)

    Args:
        tokens, scorer, lm_weight, word_score, unknown_score: as of `WordFusion`; without a scorer no effect.
        neural: or None.

    Raises:
        ShapeError: a weight is not finite.
        TokenError: as `WordFusion`.
    """

    def __init__(
        self,
        tokens: TokenTable,
        scorer: Scorer | None = None,
        lm_weight: float | None = None,
        word_score: float | None = None,
        unknown_score: float = UNKNOWN_SCORE,
        neural: TokenFusion | None = None,
    ) -> None:
        self.words = None if scorer is None else WordFusion(tokens, scorer, lm_weight, word_score, unknown_score)
        self.neural = neural
        self.lm_weight, self.word_score = (self.words.lm_weight, self.words.word_score) if self.words else (0.0, 0.0)
        check_numbers(lm_weight=self.lm_weight, word_score=self.word_score, unknown_score=unknown_score)

    def start(self) -> Fused:
        """Before the first token."""
        return Fused(self.words.start() if self.words else None, self.neural.start() if self.neural else None)

    def add(self, state: Fused, token: int) -> Fused:
        """With one more token."""
        words = self.words.add(state.words, token) if self.words and state.words else None
        return Fused(words, self.neural.add(state.neural, token) if self.neural and state.neural else None)

    def finish(self, state: Fused) -> Fused:
        """With the last word and the end scored."""
        words = self.words.finish(state.words) if self.words and state.words else None
        return Fused(words, self.neural.finish(state.neural) if self.neural and state.neural else None)

    def score(self, state: Fused) -> float:
        """What the state adds to a hypothesis, natural log."""
        words = self.words.score(state.words) if self.words and state.words else 0.0
        return words + (self.neural.weighed(state.neural) if self.neural and state.neural else 0.0)
