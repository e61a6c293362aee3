"""n-best lists that are searched once and rescored often, for `tympan.lm.tune`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tympan.decoding.beam import BeamDecoder
from tympan.decoding.hypothesis import Hypothesis
from tympan.decoding.rescoring import TokenLM

LogProbs = npt.NDArray[np.float32]
RESCORE_WEIGHTS = (0.0, 0.2, 0.4)
TOKEN_SCORES = (-0.5, 0.0, 0.5)


@dataclass(frozen=True)
class RescoredLists:
    """What a search and a neural language model said of each piece.

    Attributes:
        lists: of hypotheses, best first.
        neural: natural log of the language model, by list and hypothesis.
        counts: tokens of the language model, likewise.
    """

    lists: tuple[tuple[Hypothesis, ...], ...]
    neural: tuple[npt.NDArray[np.float64], ...]
    counts: tuple[npt.NDArray[np.int64], ...]

    @classmethod
    def make(
        cls,
        log_probs: Sequence[LogProbs],
        decoder: BeamDecoder,
        lm: TokenLM,
        nbest: int,
        threads: int = 1,
        progress: Callable[[int], object] = lambda done: None,
    ) -> RescoredLists:
        """Search each of `log_probs`, (T, V) natural log, and ask the language model for the `nbest` best.

        Raises:
            TokenError: its tokens cannot spell a hypothesis.
        """
        lists = tuple(map(tuple, decoder.decode_batch(log_probs, nbest, threads)))
        neural, counts = [], []
        for done, hypotheses in enumerate(lists):
            progress(done)
            spelled = [lm.spell(hypothesis.text) for hypothesis in hypotheses]
            neural.append(np.array(lm.score_tokens(spelled)))
            counts.append(np.array([len(tokens) for tokens in spelled], dtype=np.int64))
        return cls(lists, tuple(neural), tuple(counts))

    def best(self, weight: float, token_score: float) -> list[Hypothesis]:
        """The hypothesis that `Rescorer` with these weights would put first in each list."""
        chosen = []
        for hypotheses, neural, counts in zip(self.lists, self.neural, self.counts, strict=True):
            scores = np.array([hypothesis.score for hypothesis in hypotheses]) + weight * neural + token_score * counts
            chosen.append(hypotheses[int(scores.argmax())])
        return chosen

    def decoder(self, weight: float, token_score: float) -> Reordered:
        """These lists with weights, as a decoder that was given them before."""
        return Reordered(self, weight, token_score)


@dataclass(frozen=True)
class Reordered:
    """Gives the best of lists that were found before, whatever it is asked to decode."""

    lists: RescoredLists
    weight: float
    token_score: float

    def decode_batch(self, log_probs: Sequence[LogProbs], nbest: int = 1, threads: int = 0) -> list[list[Hypothesis]]:
        """The best of each list."""
        assert len(log_probs) == len(self.lists.lists)
        return [[hypothesis] for hypothesis in self.lists.best(self.weight, self.token_score)]
