"""Beam search for attention models, with an n-gram at words, and with what keeps it from going round in circles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tympan.decoding.attention import EDGE, Array, Scores, SpellerNetwork, checked_step, frames_of_tokens, repeated
from tympan.decoding.beam import check_counts, check_numbers, check_positive
from tympan.decoding.ctc_prefix import CTCPrefixes
from tympan.decoding.fusion import NOTHING, Fused, Fusion
from tympan.decoding.hypothesis import Hypothesis
from tympan.decoding.token_fusion import TokenFusion
from tympan.decoding.word_fusion import UNKNOWN_SCORE
from tympan.errors import ShapeError
from tympan.tokens import TokenTable

if TYPE_CHECKING:
    from tympan.lm import Scorer

LENGTH_NORMALIZATION = 0.6
EDGE_THRESHOLD = 4.0
REPEAT_LENGTH = 8
CTC_WEIGHT = 0.3
COVERED = 0.5  # sum of weights from which a frame counts as heard


@dataclass(frozen=True)
class Prefix:
    """A text that the search holds.

    Attributes:
        tokens: without EDGE.
        spelled: log of the speller's probability of the tokens, and of the end if it has ended.
        acoustic: the same, mixed with that of CTC if it is asked.
        peaks: log-probability of each token.
        rows: its row in the answer of each step.
        fusion: what the language model knows of it; None without one.
        bonus: what language model and coverage add to the score.
    """

    tokens: tuple[int, ...] = ()
    spelled: float = 0.0
    acoustic: float = 0.0
    peaks: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    fusion: Fused = NOTHING
    bonus: float = 0.0

    @property
    def score(self) -> float:
        """What the search maximises, before it is divided by a power of the length."""
        return self.acoustic + self.bonus


@dataclass
class Looks:
    """Where the hypotheses of one utterance looked.

    Attributes:
        weights: of each step, (n, T').
        places: frame of the highest weight of each row, by steps.
    """

    weights: list[Scores] = field(default_factory=list)
    places: list[list[int]] = field(default_factory=list)

    def add(self, weights: Scores) -> None:
        """One more step."""
        self.weights.append(weights)
        self.places.append(weights.argmax(axis=1).tolist())

    def of(self, prefix: Prefix) -> Scores:
        """(U, T'), a row for each token."""
        rows = [step[row] for step, row in zip(self.weights, prefix.rows[: len(prefix.tokens)], strict=False)]
        return np.stack(rows) if rows else np.zeros((0, 0))

    def places_of(self, prefix: Prefix) -> list[int]:
        """The frame of each token that was looked at most."""
        return [step[row] for step, row in zip(self.places, prefix.rows[: len(prefix.tokens)], strict=False)]


class Framewise:
    """What CTC thinks of the texts that one search holds; nothing where it is not asked.

    Args:
        log_probs: (T, V) of the CTC head, or None.
        weight: of CTC; the speller has the rest.
    """

    def __init__(self, log_probs: Array | None, weight: float) -> None:
        self.prefixes = CTCPrefixes(log_probs) if log_probs is not None and weight else None
        self.weight = weight if self.prefixes else 0.0
        self.forward = self.prefixes.start() if self.prefixes else None

    def mixed(self, spelled: float, framewise: float) -> float:
        """Both opinions as one."""
        return (1 - self.weight) * spelled + self.weight * framewise if self.weight else spelled

    def longer(self, held: list[Prefix], rows: list[int], tokens: list[int]) -> list[float]:
        """Of each text that is lengthened, log P(what is said begins so)."""
        if self.prefixes is None or self.forward is None or not rows:
            return [0.0] * len(rows)
        found: list[float] = self.prefixes.longer(self.forward, [prefix.tokens for prefix in held], rows, tokens).tolist()
        return found

    def ended(self, count: int) -> list[float]:
        """Of each text that is held, log P(this is all that is said)."""
        return [0.0] * count if self.prefixes is None or self.forward is None else self.prefixes.ended(self.forward).tolist()

    def follow(self, before: list[Prefix], held: list[Prefix]) -> None:
        """The texts that are held from now on, each longer by a token than one of those before."""
        if self.prefixes is not None and self.forward is not None and held:
            texts, rows = [prefix.tokens for prefix in before], [prefix.rows[-1] for prefix in held]
            self.forward = self.prefixes.extend(self.forward, texts, rows, [prefix.tokens[-1] for prefix in held])


class AttentionDecoder:
    """Searches the most probable text under a speller and, with a scorer, an n-gram over words. Not bound to one utterance.

    hypotheses = decoder.decode(speller, log_probs=log_probs)

    The objective, in natural logarithms, for ended texts of n tokens:

        score / (n + 1)^length_normalization
        score = (1 - ctc_weight) * log P_speller(tokens </s> | audio) + ctc_weight * log P_ctc(tokens | audio)
                + lm_weight * log P_lm(words </s>) + word_score * words + unknown_score * unknown words
                + fuse_weight * log P_neural(tokens </s>) + fuse_token_score * tokens
                + coverage_weight * frames whose weights, summed over the tokens, exceed 0.5

    where a text that goes on has the probability of all paths that begin with it for P_ctc. Without log_probs the speller has it all.

    Each step lengthens every text by its `beam_size` best tokens or ends it, and keeps the `beam_size` best of all; the score of
    a `Hypothesis` is not divided. Three things keep a speller from what it is prone to:

    * it may end only where that is not less probable than the best token by more than `edge_threshold`;
    * a text whose last `repeat_length` tokens it wrote before, looking at the same place or further back, goes round in a circle and is
      dropped; it comes back, cut before its repetition, only if no text ended. What is said twice is heard at two places;
    * a text has at most `max_tokens_per_frame` tokens for each encoded frame, and at least room for one.

    Args:
        tokens: the token table.
        scorer: n-gram, words and weights; None searches without.
        lm_weight, word_score: None takes the scorer's. No effect without a scorer.
        unknown_score: added for a word outside the lexicon. No effect without a scorer.
        neural: a language model over the tokens, or None.
        beam_size: texts kept after each step, at most.
        beam_threshold: natural log; texts that are worse than the best, ended or not, are dropped.
        token_min_log_prob: natural log; less probable tokens are not followed, but for the best one.
        ctc_weight: share of CTC; no effect without log_probs.
        length_normalization: 0 for none, which favours short texts; 1 for the mean over tokens.
        coverage_weight: natural log for each frame that was heard; 0 for none.
        edge_threshold: natural log.
        repeat_length: tokens; 0 lets it go round.
        max_tokens_per_frame: may be a fraction.

    Raises:
        ShapeError: a number is out of its range.
        TokenError: as `Fusion`.

    Source: Chan et al. 2015, arXiv:1508.01211, section 3.3; coverage Chorowski and Jaitly 2016, arXiv:1612.02695, equation 11; the
    threshold of the end after Hannun et al. 2019, arXiv:1904.02619, section 3.2, there as a factor; CTC in the search Watanabe et al. 2017,
    Hybrid CTC/attention architecture for end-to-end speech recognition, section IV.
    """

    def __init__(
        self,
        tokens: TokenTable,
        scorer: Scorer | None = None,
        lm_weight: float | None = None,
        word_score: float | None = None,
        *,
        unknown_score: float = UNKNOWN_SCORE,
        neural: TokenFusion | None = None,
        beam_size: int = 8,
        beam_threshold: float = 14.0,
        token_min_log_prob: float = -9.0,
        ctc_weight: float = CTC_WEIGHT,
        length_normalization: float = LENGTH_NORMALIZATION,
        coverage_weight: float = 0.0,
        edge_threshold: float = EDGE_THRESHOLD,
        repeat_length: int = REPEAT_LENGTH,
        max_tokens_per_frame: float = 4.0,
    ) -> None:
        check_counts(beam_size=beam_size)
        check_positive(beam_threshold=beam_threshold, edge_threshold=edge_threshold, max_tokens_per_frame=max_tokens_per_frame)
        check_numbers(length_normalization=length_normalization, coverage_weight=coverage_weight)
        if not (0 <= length_normalization <= 1 and 0 <= ctc_weight <= 1) or repeat_length < 0 or coverage_weight < 0:
            raise ShapeError("length_normalization and ctc_weight must be from 0 to 1, repeat_length and coverage_weight at least 0.")
        self.tokens = tokens
        self.fusion = Fusion(tokens, scorer, lm_weight, word_score, unknown_score, neural)
        self.lm_weight, self.word_score = self.fusion.lm_weight, self.fusion.word_score
        self.beam_size, self.beam_threshold, self.token_min_log_prob = beam_size, beam_threshold, token_min_log_prob
        self.ctc_weight, self.length_normalization, self.coverage_weight = ctc_weight, length_normalization, coverage_weight
        self.edge_threshold, self.repeat_length, self.max_tokens_per_frame = edge_threshold, repeat_length, max_tokens_per_frame

    def decode(self, speller: SpellerNetwork, nbest: int = 1, log_probs: Array | None = None) -> list[Hypothesis]:
        """The best texts of one utterance, best first; without frames the empty text.

        Args:
            speller: of the utterance.
            nbest: hypotheses wanted; fewer come back if the search ended fewer.
            log_probs: (T'', V) of the CTC head, natural log; None where there is none.

        Raises:
            ShapeError: the speller's answer is not (n, V) for this token table, or holds NaN, or log_probs do.
        """
        check_counts(nbest=nbest)
        start = Prefix(fusion=self.fusion.start())
        looks, ended, unended = Looks(), list[Prefix](), list[Prefix]()
        if not speller.frames:
            return self.hypotheses([self.finished(start, (0.0, 0.0), 0, 0.0)], looks, nbest)
        framewise = Framewise(log_probs, self.ctc_weight)
        held, state, covered = [start], None, np.zeros((1, speller.frames))
        for length in range(self.limit(speller.frames) + 1):
            rows = [prefix.rows[-1] if prefix.rows else 0 for prefix in held]
            found = speller.step([prefix.tokens[-1] if prefix.tokens else EDGE for prefix in held], state, rows)
            spelled, weights = checked_step(found[0], found[1], len(held), speller.frames)
            if spelled.shape[1] != len(self.tokens):
                raise ShapeError(f"log_probs have {spelled.shape[1]} tokens, the token table has {len(self.tokens)}.")
            state, covered = found[2], covered[rows] + weights
            looks.add(weights)
            counts = self.coverage_weight * (covered > COVERED).sum(axis=1)
            longer = self.kept(held, spelled, counts, framewise, ended, last=length == self.limit(speller.frames))
            unended += [] if longer else held
            before, held = held, []
            for prefix in longer:
                again = repeated(prefix.tokens, looks.places_of(prefix), self.repeat_length) if self.repeat_length else None
                (held if again is None else unended).append(prefix if again is None else self.cut(prefix, again))
            if not held:
                break
            framewise.follow(before, held)
        return self.hypotheses(ended or [self.closed(prefix) for prefix in unended], looks, nbest)

    def limit(self, frames: int) -> int:
        """Tokens of a text, at most."""
        return max(1, int(np.ceil(self.max_tokens_per_frame * frames)))

    def kept(
        self, held: list[Prefix], spelled: Scores, covered: Scores, framewise: Framewise, ended: list[Prefix], *, last: bool
    ) -> list[Prefix]:
        """The texts that go on, best first; `ended` grows by those that ended. When the longest were read, nothing goes on."""
        candidates: list[tuple[bool, Prefix]] = []
        for row, (prefix, whole) in enumerate(zip(held, framewise.ended(len(held)), strict=True)):
            if spelled[row, EDGE] >= spelled[row, EDGE + 1 :].max() - self.edge_threshold:
                both = prefix.spelled + float(spelled[row, EDGE])
                candidates.append((True, self.finished(prefix, (both, framewise.mixed(both, whole)), row, float(covered[row]))))
        rows, tokens = ([], []) if last else self.expansions(spelled)
        for row, token, begun in zip(rows, tokens, framewise.longer(held, rows, tokens), strict=True):
            own = float(spelled[row, token])
            mixed = framewise.mixed(held[row].spelled + own, begun)
            candidates.append((False, self.extended(held[row], token, own, mixed, row, float(covered[row]))))
        candidates.sort(key=lambda candidate: by_score(candidate[1]))
        chosen = candidates[: self.beam_size]
        ended += [prefix for done, prefix in chosen if done]
        if not chosen:
            return []
        least = max([chosen[0][1].score, *(prefix.score for prefix in ended)]) - self.beam_threshold
        return [prefix for done, prefix in chosen if not done and prefix.score >= least]

    def expansions(self, spelled: Scores) -> tuple[list[int], list[int]]:
        """Which texts are lengthened, by which tokens."""
        rows, tokens = [], []
        for row, own in enumerate(spelled):
            least = min(float(own[EDGE + 1 :].max()), self.token_min_log_prob)
            best = np.argpartition(-own, min(self.beam_size, len(own) - 1))[: self.beam_size + 1]  # EDGE may be among them
            chosen = [int(token) for token in best if token != EDGE and np.isfinite(own[token]) and own[token] >= least]
            rows += [row] * len(chosen)
            tokens += chosen
        return rows, tokens

    def extended(self, prefix: Prefix, token: int, log_prob: float, mixed: float, row: int, covered: float) -> Prefix:
        """The text with one more token."""
        fusion = self.fusion.add(prefix.fusion, token)
        bonus = covered + self.fusion.score(fusion)
        tokens, peaks, rows = (*prefix.tokens, token), (*prefix.peaks, log_prob), (*prefix.rows, row)
        return Prefix(tokens, prefix.spelled + log_prob, mixed, peaks, rows, fusion, bonus)

    def finished(self, prefix: Prefix, scores: tuple[float, float], row: int, covered: float) -> Prefix:
        """The whole text, its last word and the end scored; `scores` are spelled and acoustic."""
        fusion = self.fusion.finish(prefix.fusion)
        bonus = covered + self.fusion.score(fusion)
        spelled, acoustic = scores
        return replace(prefix, spelled=spelled, acoustic=acoustic, rows=(*prefix.rows, row), fusion=fusion, bonus=bonus)

    def closed(self, prefix: Prefix) -> Prefix:
        """A text that did not end, taken for whole."""
        fusion = self.fusion.finish(prefix.fusion)
        return replace(prefix, fusion=fusion, bonus=self.fusion.score(fusion))

    def cut(self, prefix: Prefix, count: int) -> Prefix:
        """The first `count` tokens of a text."""
        spelled = sum(prefix.peaks[:count])
        shorter = Prefix(prefix.tokens[:count], spelled, spelled, prefix.peaks[:count], prefix.rows[:count])
        fusion = self.fusion.start()
        for token in shorter.tokens:
            fusion = self.fusion.add(fusion, token)
        return replace(shorter, fusion=fusion)

    def rank(self, prefix: Prefix) -> float:
        """What whole texts are compared by."""
        return float(prefix.score / (len(prefix.tokens) + 1) ** self.length_normalization)

    def hypotheses(self, whole: list[Prefix], looks: Looks, nbest: int) -> list[Hypothesis]:
        """Each text once, of two ways to spell it the better one, best first, with the frames of its tokens."""
        total = float(np.logaddexp.reduce([prefix.score for prefix in whole]))
        found: dict[str, Any] = {}
        shares: dict[str, float] = {}
        for prefix in sorted(whole, key=lambda prefix: (-self.rank(prefix), prefix.tokens)):
            text = " ".join(self.tokens.decode(prefix.tokens).split())
            found.setdefault(text, prefix)
            shares[text] = shares.get(text, 0.0) + float(np.exp(prefix.score - total))
        return [self.hypothesis(text, prefix, shares[text], looks) for text, prefix in list(found.items())[:nbest]]

    @staticmethod
    def hypothesis(text: str, prefix: Prefix, share: float, looks: Looks) -> Hypothesis:
        """A text as others see it."""
        frames = tuple(frames_of_tokens(looks.of(prefix)))
        return Hypothesis(
            prefix.tokens,
            prefix.score,
            prefix.acoustic,
            prefix.fusion.lm_score,
            text=text,
            posterior=share,
            timesteps=frames,
            ends=tuple(frame + 1 for frame in frames),
            token_log_probs=prefix.peaks,
            neural_score=prefix.fusion.neural_score,
        )


def by_score(prefix: Prefix) -> tuple[float, tuple[int, ...]]:
    """Sorts best first, and equal scores always in the same order."""
    return -prefix.score, prefix.tokens
