"""How a recogniser searches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tympan.decoding.beam import BeamDecoder
from tympan.decoding.rescoring import Rescorer
from tympan.decoding.token_fusion import TokenFusion
from tympan.errors import TympanError
from tympan.lm import NeuralLM, Scorer
from tympan.lm.case import Case
from tympan.tokens import TokenTable, normalize_unicode

# Wider than the decoder's own defaults: real networks are less sure of themselves than those that these were chosen for, and beside
# the network the search costs little.
BEAM_SIZE = 300
FEW = 8  # of families whose networks run for each hypothesis
BEAM_THRESHOLD = 14.0
TOKEN_MIN_LOG_PROB = -9.0
RESCORE_NBEST = 50
FUSE_WEIGHT = 0.3
HOT_WORD_WEIGHT = 6.0  # of a hot word that is given without one


WEIGHTS = ("lm_weight", "word_score", "rescore_weight", "rescore_token_score", "fuse_weight", "fuse_token_score")


@dataclass(frozen=True)
class SearchOptions:
    """Options of the beam search; `BeamDecoder` says what each does. They have no effect on greedy decoding.

    Attributes:
        beam_size: hypotheses kept, at most; None takes the family's, 300 for CTC and 8 for others.
        beam_threshold: natural log; worse ones are dropped.
        token_min_log_prob: natural log; less probable tokens are not followed.
        lm_weight, word_score: None takes the scorer's.
        hot_words: word or phrase -> weight.
        lexicon: write only words of the lexicon and hot words. No effect without a scorer.
        recombine: let texts that the n-gram cannot tell apart become one; False gives an n-best list whose texts differ early, too, by
            another search, whose best text may be another. A recogniser with a rescoring takes False.
        rescore_weight, rescore_token_score: of a rescoring with a neural language model; None takes the model's. No effect without one.
        rescore_nbest: hypotheses that it looks at. No effect without one.
        fuse_weight, fuse_token_score: of a neural language model that is asked at every token. No effect without one.

    Raises:
        TympanError: a number is not finite or out of its range; all of them are named.
    """

    beam_size: int | None = None
    beam_threshold: float = BEAM_THRESHOLD
    token_min_log_prob: float = TOKEN_MIN_LOG_PROB
    lm_weight: float | None = None
    word_score: float | None = None
    hot_words: Mapping[str, float] = field(default_factory=dict)
    lexicon: bool = True
    recombine: bool = True
    rescore_weight: float | None = None
    rescore_token_score: float | None = None
    rescore_nbest: int = RESCORE_NBEST
    fuse_weight: float = FUSE_WEIGHT
    fuse_token_score: float = 0.0

    def __post_init__(self) -> None:
        wrong = [f"beam_size is {self.beam_size}, but must be at least 1"] if self.beam_size is not None and not self.beam_size >= 1 else []
        if not self.beam_threshold > 0:  # infinity is allowed: nothing is dropped
            wrong.append(f"beam_threshold is {self.beam_threshold}, but must be above 0")
        if not self.token_min_log_prob <= 0:
            wrong.append(f"token_min_log_prob is {self.token_min_log_prob}, but must not be above 0")
        if not self.rescore_nbest >= 1:
            wrong.append(f"rescore_nbest is {self.rescore_nbest}, but must be at least 1")
        weights = {name: getattr(self, name) for name in WEIGHTS}
        wrong += [f"{name} is {weight}, not a finite number" for name, weight in weights.items() if not math.isfinite(weight or 0.0)]
        if wrong:
            raise TympanError(f"Options of the search: {'; '.join(wrong)}.")

    def fitted(self, tokens: TokenTable, scorer: Scorer | None, family: str = "ctc") -> SearchOptions:
        """The same options with the family's beam size, and the hot words in Unicode's NFC and in the case that the model writes.

        A person types Kubernetes. The weights of two hot words that become one add up.

        Raises:
            TympanError: there are hot words, and the family's search knows none.
        """
        if self.beam_size is None:
            return replace(self, beam_size=BEAM_SIZE if family == "ctc" else FEW).fitted(tokens, scorer, family)
        if not self.hot_words:
            return self
        if family != "ctc":
            raise TympanError(f"The search of a model of family {family} knows no hot words.", "Leave them out, or take a CTC model.")
        case = Case.of(scorer.words) if scorer is not None and tokens.kind == "phones" else Case.of_table(tokens)
        hot_words: dict[str, float] = {}
        for text, weight in self.hot_words.items():
            text = case.fold(normalize_unicode(text))
            hot_words[text] = hot_words.get(text, 0.0) + weight
        return replace(self, hot_words=hot_words)

    def rescorer(self, lm: NeuralLM, tokens: TokenTable, scorer: Scorer | None) -> Rescorer:
        """A rescoring with these options.

        Args:
            lm: the language model.
            tokens, scorer: of the search, which say what it may write.

        Raises:
            TokenError: the language model's tokens cannot spell a word of the lexicon or a hot word; it is named.
        """
        weight = lm.file.rescore_weight if self.rescore_weight is None else self.rescore_weight
        token_score = lm.file.rescore_token_score if self.rescore_token_score is None else self.rescore_token_score
        rescorer = Rescorer(lm, weight, token_score, self.rescore_nbest)
        symbols = [token for token in tokens.tokens[1:] if token.strip()]
        if scorer is not None and self.lexicon:
            rescorer.check([*scorer.words, *(word for text in self.hot_words for word in text.split())])
        elif tokens.kind in ("characters", "phones"):
            rescorer.check(symbols)
        return rescorer

    def token_fusion(self, lm: NeuralLM, tokens: TokenTable) -> TokenFusion:
        """A neural language model that is asked at every token; TokenError if its tokens are not those of the model."""
        return TokenFusion(tokens, lm, self.fuse_weight, self.fuse_token_score)

    def decoder(self, tokens: TokenTable, scorer: Scorer | None) -> BeamDecoder:
        """A decoder with these options.

        Raises:
            TokenError, ShapeError: as `BeamDecoder`.
        """
        return BeamDecoder(
            tokens,
            scorer,
            self.lm_weight,
            self.word_score,
            BEAM_SIZE if self.beam_size is None else self.beam_size,
            self.beam_threshold,
            self.hot_words,
            self.lexicon,
            token_min_log_prob=self.token_min_log_prob,
            recombine=self.recombine,
        )
