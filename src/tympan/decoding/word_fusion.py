"""An n-gram over words for searches that write tokens freely: shallow fusion at the end of each word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tympan.errors import TokenError
from tympan.tokens import EDGE, TokenTable

if TYPE_CHECKING:
    from tympan.lm import Scorer

LN10 = math.log(10.0)
UNKNOWN_SCORE = -8.0


@dataclass(frozen=True)
class FusionState:
    """What fusion knows of a hypothesis.

    Attributes:
        ngram: the n-gram's state after the whole words.
        spelling: tokens of the word that is being written.
        lm_score: natural log, of the whole words, unweighted.
        words: the whole words.
        bonus: what is added to the score for the words beside the n-gram: word_score each, and unknown_score for those not in the lexicon.
    """

    ngram: Any
    spelling: tuple[int, ...] = ()
    lm_score: float = 0.0
    words: tuple[str, ...] = ()
    bonus: float = 0.0


class WordFusion:
    """Scores words when they end: at the separator, before a piece that begins a word, and at the end of the utterance.

    state = fusion.start(); state = fusion.add(state, token); ...; state = fusion.finish(state)

    score = lm_weight * lm_score + word_score * words + unknown_score * words outside the lexicon, natural log throughout. The model's own
    idea of the language is not subtracted. Any word may be written, unlike in the CTC search with its lexicon.

    Args:
        tokens: of the model; characters, bytes or pieces.
        scorer: made for these tokens.
        lm_weight, word_score: None takes the scorer's.
        unknown_score: for a word outside the lexicon, on top of what the n-gram says of `<unk>`.

    Raises:
        TokenError: the scorer was made for other tokens, or they are phones, whose words only a search through a lexicon finds.
    """

    def __init__(
        self,
        tokens: TokenTable,
        scorer: Scorer,
        lm_weight: float | None = None,
        word_score: float | None = None,
        unknown_score: float = UNKNOWN_SCORE,
    ) -> None:
        scorer.check_tokens(tokens.tokens)
        if tokens.kind == "phones":
            raise TokenError(
                "Phones do not show where a word ends, so this search cannot use a scorer.", "Train on characters or word pieces."
            )
        self.tokens = tokens
        self.native = scorer.ngram.native
        self.lm_weight = scorer.lm_weight if lm_weight is None else lm_weight
        self.word_score = scorer.word_score if word_score is None else word_score
        self.unknown_score = unknown_score
        self.bonuses = {word: scorer.bonuses.get(number, 0.0) for number, word in enumerate(scorer.words)}
        self.begins_word = [tokens.kind == "pieces" and token.startswith(EDGE) for token in tokens.tokens]

    def start(self) -> FusionState:
        """Before the first word."""
        return FusionState(self.native.begin())

    def add(self, state: FusionState, token: int) -> FusionState:
        """With one more token."""
        if token == self.tokens.separator:
            return self.end_word(state)
        if self.begins_word[token]:
            state = self.end_word(state)
        return FusionState(state.ngram, (*state.spelling, token), state.lm_score, state.words, state.bonus)

    def finish(self, state: FusionState) -> FusionState:
        """With the last word and `</s>` scored."""
        state = self.end_word(state)
        log10, _, ngram = self.native.step(state.ngram, self.native.find(b"</s>"))
        return FusionState(ngram, (), state.lm_score + LN10 * log10, state.words, state.bonus)

    def score(self, state: FusionState) -> float:
        """What the state adds to a hypothesis, natural log."""
        return self.lm_weight * state.lm_score + state.bonus

    def end_word(self, state: FusionState) -> FusionState:
        """With the word that is being written counted as whole; as it was where there is none."""
        word = self.text(state.spelling)
        if not word:
            return FusionState(state.ngram, (), state.lm_score, state.words, state.bonus)
        known = word in self.bonuses
        log10, _, ngram = self.native.step(state.ngram, self.native.find(word.encode()))
        log10 += self.bonuses.get(word, 0.0)
        bonus = state.bonus + self.word_score + (0.0 if known else self.unknown_score)
        return FusionState(ngram, (), state.lm_score + LN10 * log10, (*state.words, word), bonus)

    def text(self, spelling: Sequence[int]) -> str:
        """The word that these tokens spell."""
        return self.tokens.decode(spelling).strip()
