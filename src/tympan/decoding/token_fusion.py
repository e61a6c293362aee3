"""A neural language model in searches that write tokens freely: shallow fusion at every token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan.decoding.beam import check_numbers
from tympan.decoding.hypothesis import Hypothesis
from tympan.errors import TokenError
from tympan.tokens import BLANK, TokenTable

Floats = npt.NDArray[np.float32]
BOUNDARY = BLANK  # begins and ends a sentence of the language model


class SteppedLM(Protocol):
    """What is asked of the language model; `tympan.lm.NeuralLM` is one."""

    @property
    def tokens(self) -> TokenTable: ...

    @property
    def name(self) -> str: ...

    def start(self) -> Floats: ...

    def score(self, states: Sequence[Floats], tokens: Sequence[int]) -> tuple[Floats, Floats]: ...


class NeuralState:
    """What the language model knows of a text. It is asked when the text is lengthened, not when it is written: most are dropped before.

    Attributes:
        score: natural log, of the tokens so far, unweighted.
        count: tokens so far.
    """

    def __init__(self, lm: SteppedLM, before: Floats, token: int, score: float, count: int) -> None:
        self.lm, self.before, self.token = lm, before, token
        self.score, self.count = score, count
        self.read: tuple[Floats, Floats] | None = None

    def known(self) -> tuple[Floats, Floats]:
        """(V,) log-probabilities of what follows, and the state (S,) after all tokens."""
        if self.read is None:
            log_probs, after = self.lm.score([self.before], [self.token])
            self.read = log_probs[0], after[0]
        return self.read


class TokenFusion:
    """Scores each token when it is written, and the end of the utterance.

    score = weight * log P_neural(tokens </s>) + token_score * tokens, natural log.

    Args:
        tokens: of the model.
        lm: over the same tokens.
        weight: of its log-probability.
        token_score: for each token, against its liking for short texts.

    Raises:
        TokenError: the language model's tokens are others.
        ShapeError: a number is not finite.
    """

    def __init__(self, tokens: TokenTable, lm: SteppedLM, weight: float, token_score: float = 0.0) -> None:
        check_numbers(fuse_weight=weight, fuse_token_score=token_score)
        if lm.tokens != tokens:
            raise TokenError(
                f"{lm.name} was trained for other tokens than the model's, so it cannot follow the search token by token.",
                "Train it with --model BUNDLE, or let it look at the n-best list: --rescore.",
            )
        self.lm, self.weight, self.token_score = lm, weight, token_score

    def start(self) -> NeuralState:
        """Before the first token."""
        return NeuralState(self.lm, self.lm.start(), BOUNDARY, 0.0, 0)

    def add(self, state: NeuralState, token: int) -> NeuralState:
        """With one more token."""
        log_probs, after = state.known()
        return NeuralState(self.lm, after, token, state.score + float(log_probs[token]), state.count + 1)

    def finish(self, state: NeuralState) -> NeuralState:
        """With the end scored; nothing can be added to it."""
        log_probs, after = state.known()
        return NeuralState(self.lm, after, BOUNDARY, state.score + float(log_probs[BOUNDARY]), state.count)

    def weighed(self, state: NeuralState) -> float:
        """What the state adds to a hypothesis, natural log."""
        return self.weight * state.score + self.token_score * state.count

    def added(self, hypothesis: Hypothesis) -> float:
        """What is in a hypothesis's score of it, natural log."""
        return self.weight * hypothesis.neural_score + self.token_score * len(hypothesis.tokens)

    def settings(self) -> dict[str, Any]:
        """For a report."""
        return {"fuse": self.lm.name, "fuse_weight": self.weight, "fuse_token_score": self.token_score}
