"""A second opinion on the n-best list: hypotheses of a search scored anew by a language model over tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tympan.decoding.hypothesis import Hypothesis
from tympan.errors import TokenError
from tympan.tokens import EDGE, TokenTable


class TokenLM(Protocol):
    """What is asked of the language model; `tympan.lm.NeuralLM` is one."""

    @property
    def tokens(self) -> TokenTable: ...

    @property
    def name(self) -> str: ...

    def spell(self, text: str) -> list[int]: ...

    def score_tokens(self, sequences: Sequence[Sequence[int]]) -> list[float]: ...


@dataclass(frozen=True)
class Rescorer:
    """Puts the hypotheses of a list in another order.

    The new score, in natural logarithms:

        score' = score + weight * log P_neural(text </s>) + token_score * tokens

    where `score` is that of the search (acoustic, n-gram, words, hot words) and `tokens` are those of the language model, which need
    not be the acoustic model's. Texts stay as they are, so words, times and confidences are those of a hypothesis, whichever its place.

    Attributes:
        lm: the language model.
        weight: of its log-probability; 0 leaves its opinion out.
        token_score: for each of its tokens, against its liking for short texts.
        nbest: hypotheses that are looked at.

    Source: Mikolov et al. 2010, Recurrent neural network based language model, section 3 (n-best rescoring).
    """

    lm: TokenLM
    weight: float
    token_score: float = 0.0
    nbest: int = 50

    def __call__(self, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
        """The same hypotheses, best first; equals stay in their order.

        Raises:
            TokenError: the language model's tokens cannot spell a text; it is named.
        """
        if not hypotheses or not (self.weight or self.token_score):
            return list(hypotheses)
        spelled = [self.spell(hypothesis.text) for hypothesis in hypotheses]
        scored = [
            replace(hypothesis, score=hypothesis.score + self.weight * neural + self.token_score * len(tokens), neural_score=neural)
            for hypothesis, tokens, neural in zip(hypotheses, spelled, self.lm.score_tokens(spelled), strict=True)
        ]
        return sorted(scored, key=lambda hypothesis: -hypothesis.score)

    def added(self, hypothesis: Hypothesis) -> float:
        """What the rescoring added to a hypothesis's score."""
        return self.weight * hypothesis.neural_score + (self.token_score * len(self.spell(hypothesis.text)) if self.token_score else 0.0)

    def spell(self, text: str) -> list[int]:
        """The language model's tokens of a text."""
        try:
            return self.lm.spell(text)
        except TokenError as error:
            raise unspellable(self.lm, text, error) from None

    def check(self, words: Iterable[str]) -> None:
        """TokenError if the language model cannot spell one of the words that the search may write; it is named."""
        tokens = self.lm.tokens
        words = list(words)
        letters = {letter for word in words for letter in word}
        if tokens.kind == "bytes" or (letters <= tokens.index.keys() and (tokens.kind == "characters" or EDGE in tokens.index)):
            return  # every letter is a token, so every word can be spelled
        for word in words:
            self.spell(word)


def unspellable(lm: TokenLM, text: str, error: TokenError) -> TokenError:
    """The sentence for a text that the language model cannot read."""
    return TokenError(
        f"The language model {lm.name} cannot rescore {text[:60]!r}: {error.message}",
        "Train it on tokens that spell these words (`tympan lm train --tokens`), or leave --rescore out.",
    )
