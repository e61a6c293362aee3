"""Beam search for transducers: few expansions where the network is sure, more where it is not; equal texts become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tympan.decoding.beam import check_counts, check_positive
from tympan.decoding.fusion import NOTHING, Fused, Fusion
from tympan.decoding.hypothesis import Hypothesis
from tympan.decoding.token_fusion import TokenFusion
from tympan.decoding.transducer import MAX_SYMBOLS, Array, TransducerNetworks, checked_frames, checked_rows
from tympan.decoding.word_fusion import UNKNOWN_SCORE
from tympan.errors import ShapeError
from tympan.tokens import BLANK, TokenTable

if TYPE_CHECKING:
    from tympan.lm import Scorer

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Prefix:
    """A text that the search holds.

    Attributes:
        tokens: blank-free.
        acoustic: log of the probability of all alignments that were followed.
        path: log of that of the best of them, to which timesteps and peaks belong.
        timesteps: encoded frame of each token.
        peaks: log-probability of each token there.
        predicted, state: the predictor's answer to the tokens.
        fusion: what the language model knows of them; None without one.
        bonus: what the language model adds to the score.
    """

    tokens: Tokens
    acoustic: float
    path: float
    timesteps: tuple[int, ...]
    peaks: tuple[float, ...]
    predicted: Array
    state: Any
    fusion: Fused = NOTHING
    bonus: float = 0.0

    @property
    def score(self) -> float:
        """What the search maximises."""
        return self.acoustic + self.bonus


class TransducerDecoder:
    """Searches the most probable text under a transducer and, with a scorer, an n-gram over words. Not bound to one utterance.

    Whole:   hypotheses = decoder.decode(encoded)
    Stream:  stream = decoder.stream(); stream.feed(chunk); stream.peek(); ...; stream.finish()

    The objective, in natural logarithms:

        score = log P(tokens | audio) + lm_weight * log P_lm(words </s>) + word_score * words + unknown_score * unknown words
                + fuse_weight * log P_neural(tokens </s>) + fuse_token_score * tokens

    where P(tokens | audio) is the sum over all alignments that the search followed. In each frame every text takes the blank, and is
    lengthened by those of its `beam_size` best tokens that are within `expansion_threshold` of its best one or that lead to a text which
    is held anyway; of the longer texts the `beam_size` best go on in the same frame, up to `max_symbols` times. What two ways have in
    common is asked of the networks once. With no pruning at all it is the exact sum.

    Args:
        networks: predictor and joiner.
        tokens: the token table.
        scorer: n-gram, words and weights; None searches without.
        lm_weight, word_score: None takes the scorer's. No effect without a scorer.
        unknown_score: added for a word outside the lexicon. No effect without a scorer.
        neural: a language model over the tokens, or None.
        beam_size: texts kept after each frame, at most.
        beam_threshold: natural log; worse texts are dropped.
        expansion_threshold: natural log; worse tokens are not followed (gamma in the paper).
        max_symbols: tokens a frame, at most.

    Raises:
        ShapeError: a number is out of its range.
        TokenError: as `Fusion`.

    Source: Kim et al. 2020, Accelerating RNN transducer inference via adaptive expansion search; texts that one another's prefix are
    (its prefix search) are summed here by looking the held texts up.
    """

    def __init__(
        self,
        networks: TransducerNetworks,
        tokens: TokenTable,
        scorer: Scorer | None = None,
        lm_weight: float | None = None,
        word_score: float | None = None,
        *,
        unknown_score: float = UNKNOWN_SCORE,
        neural: TokenFusion | None = None,
        beam_size: int = 8,
        beam_threshold: float = 10.0,
        expansion_threshold: float = 2.3,
        max_symbols: int = MAX_SYMBOLS,
    ) -> None:
        check_counts(beam_size=beam_size, max_symbols=max_symbols)
        check_positive(beam_threshold=beam_threshold, expansion_threshold=expansion_threshold)
        self.networks = networks
        self.tokens = tokens
        self.fusion = Fusion(tokens, scorer, lm_weight, word_score, unknown_score, neural)
        self.beam_size = beam_size
        self.beam_threshold = beam_threshold
        self.expansion_threshold = expansion_threshold
        self.max_symbols = max_symbols

    @property
    def lm_weight(self) -> float:
        """Of the scorer; 0 without one."""
        return self.fusion.lm_weight

    @property
    def word_score(self) -> float:
        """For each word; 0 without a scorer."""
        return self.fusion.word_score

    def decode(self, encoded: Array, nbest: int = 1) -> list[Hypothesis]:
        """The best texts of one utterance, best first.

        Args:
            encoded: (T, D) float32, valid frames only. Without frames the empty text comes back.
            nbest: hypotheses wanted; fewer come back if the beam holds fewer.

        Raises:
            ShapeError: encoded is not (T, D), or the joiner's answer is not (n, V) for this token table or holds NaN.
        """
        stream = self.stream()
        stream.feed(encoded)
        return stream.finish(nbest)

    def stream(self) -> TransducerStream:
        """A search that is fed chunk by chunk."""
        return TransducerStream(self)

    def begin(self) -> list[Prefix]:
        """The empty text."""
        predicted, states = self.networks.predict([BLANK], [None])
        return [Prefix((), 0.0, 0.0, (), (), predicted[0], states[0], self.fusion.start())]

    def step(self, held: list[Prefix], heard: Array, frame: int) -> list[Prefix]:
        """The texts after one more frame (D,), best first."""
        known = {prefix.tokens: prefix for prefix in held}
        rows: dict[Tokens, npt.NDArray[np.float64]] = {}
        ended: dict[Tokens, Prefix] = {}
        going = held
        for symbols in range(self.max_symbols + 1):
            self.join(heard, going, rows)
            for prefix in going:
                merge(ended, moved_on(prefix, float(rows[prefix.tokens][BLANK])))
            if symbols == self.max_symbols:
                break
            going = self.lengthened(going, rows, known, ended, frame)
            if not going:
                break
        return self.pruned(ended.values())

    def join(self, heard: Array, going: list[Prefix], rows: dict[Tokens, npt.NDArray[np.float64]]) -> None:
        """Fill in the joiner's answer for texts that lack it."""
        missing = [prefix for prefix in going if prefix.tokens not in rows]
        if not missing:
            return
        log_probs = checked_rows(self.networks.join(heard, np.stack([prefix.predicted for prefix in missing])), len(missing))
        if log_probs.shape[1] != len(self.tokens):
            raise ShapeError(f"log_probs have {log_probs.shape[1]} tokens, the token table has {len(self.tokens)}.")
        rows.update((prefix.tokens, row) for prefix, row in zip(missing, log_probs, strict=True))

    def lengthened(
        self,
        going: list[Prefix],
        rows: dict[Tokens, npt.NDArray[np.float64]],
        known: dict[Tokens, Prefix],
        ended: dict[Tokens, Prefix],
        frame: int,
    ) -> list[Prefix]:
        """The texts with one more token in the same frame, best first; `known` grows by those that the predictor had to be asked for."""
        least = max(prefix.score for prefix in ended.values()) - self.beam_threshold
        longer = []
        for prefix in going:
            for token, log_prob in self.expansions(prefix, rows[prefix.tokens], known):
                candidate = self.extended(prefix, token, log_prob, frame)
                if candidate.score >= least:
                    longer.append(candidate)
        longer = sorted(longer, key=by_score)[: self.beam_size]
        fresh = [prefix for prefix in longer if prefix.tokens not in known]
        if fresh:
            predicted, states = self.networks.predict([prefix.tokens[-1] for prefix in fresh], [prefix.state for prefix in fresh])
            for prefix, row, state in zip(fresh, predicted, states, strict=True):
                known[prefix.tokens] = replace(prefix, predicted=row, state=state)
        return [replace(p, predicted=known[p.tokens].predicted, state=known[p.tokens].state) for p in longer]

    def expansions(self, prefix: Prefix, row: npt.NDArray[np.float64], known: dict[Tokens, Prefix]) -> Iterable[tuple[int, float]]:
        """The tokens that are followed, with their log-probabilities."""
        best = np.argpartition(-row, min(self.beam_size, len(row) - 1))[: self.beam_size + 1]  # one more, as the blank may be in it
        chosen = {int(token) for token in best if row[token] >= row.max() - self.expansion_threshold}
        depth = len(prefix.tokens)
        chosen |= {tokens[depth] for tokens in known if len(tokens) == depth + 1 and tokens[:depth] == prefix.tokens}
        return [(token, float(row[token])) for token in sorted(chosen - {BLANK}) if np.isfinite(row[token])]

    def extended(self, prefix: Prefix, token: int, log_prob: float, frame: int) -> Prefix:
        """The text with one more token; its predicted and state are still those before it."""
        fusion = self.fusion.add(prefix.fusion, token)
        return Prefix(
            (*prefix.tokens, token),
            prefix.acoustic + log_prob,
            prefix.path + log_prob,
            (*prefix.timesteps, frame),
            (*prefix.peaks, log_prob),
            prefix.predicted,
            prefix.state,
            fusion,
            self.fusion.score(fusion),
        )

    def pruned(self, prefixes: Iterable[Prefix]) -> list[Prefix]:
        """The best, best first; of equal scores the one with the smaller tokens."""
        ordered = sorted(prefixes, key=by_score)[: self.beam_size]
        return [prefix for prefix in ordered if prefix.score >= ordered[0].score - self.beam_threshold]

    def hypotheses(self, held: list[Prefix], nbest: int) -> list[Hypothesis]:
        """Whole texts, `</s>` scored, each text once: of two ways to spell it the better one."""
        held = sorted(map(self.with_end, held), key=by_score)
        total = float(np.logaddexp.reduce([prefix.score for prefix in held]))
        found: dict[str, Hypothesis] = {}
        for prefix in held:
            text = " ".join(self.tokens.decode(prefix.tokens).split())
            posterior = float(np.exp(prefix.score - total))
            if text in found:
                found[text] = replace(found[text], posterior=found[text].posterior + posterior)
                continue
            ends = tuple(frame + 1 for frame in prefix.timesteps)
            found[text] = Hypothesis(
                prefix.tokens,
                prefix.score,
                prefix.acoustic,
                prefix.fusion.lm_score,
                text=text,
                posterior=posterior,
                timesteps=prefix.timesteps,
                ends=ends,
                token_log_probs=prefix.peaks,
                neural_score=prefix.fusion.neural_score,
            )
        return list(found.values())[:nbest]

    def with_end(self, prefix: Prefix) -> Prefix:
        """The text with its last word and the end scored."""
        ended = self.fusion.finish(prefix.fusion)
        return replace(prefix, fusion=ended, bonus=self.fusion.score(ended))


class TransducerStream:
    """One utterance, chunk by chunk; for one thread at a time.

    stream.feed(chunk)      any number of frames, also none; the result does not depend on how the frames were cut
    stream.peek()           the best text so far, `</s>` not scored; changes nothing
    stream.finish()         the best texts; changes nothing, so more may be fed
    stream.reset()          begins the next utterance
    """

    def __init__(self, decoder: TransducerDecoder) -> None:
        self.decoder = decoder
        self.held = decoder.begin()
        self.frames = 0

    def feed(self, encoded: Array) -> None:
        """Take in (T, D) encoded frames; ShapeError as `TransducerDecoder.decode`."""
        for heard in checked_frames(encoded):
            self.held = self.decoder.step(self.held, heard, self.frames)
            self.frames += 1

    def peek(self) -> Hypothesis:
        """The best text so far; its last word may be unfinished."""
        best = self.held[0]
        text = " ".join(self.decoder.tokens.decode(best.tokens).split())
        return Hypothesis(best.tokens, best.score, best.acoustic, text=text, timesteps=best.timesteps)

    def finish(self, nbest: int = 1) -> list[Hypothesis]:
        """The best texts of all that was fed, best first."""
        check_counts(nbest=nbest)
        return self.decoder.hypotheses(self.held, nbest)

    def reset(self) -> None:
        """Forget what was fed."""
        self.held, self.frames = self.decoder.begin(), 0


def by_score(prefix: Prefix) -> tuple[float, Tokens]:
    """Sorts best first, and equal scores always in the same order."""
    return -prefix.score, prefix.tokens


def moved_on(prefix: Prefix, blank: float) -> Prefix:
    """The text in the next frame."""
    return replace(prefix, acoustic=prefix.acoustic + blank, path=prefix.path + blank)


def merge(ended: dict[Tokens, Prefix], prefix: Prefix) -> None:
    """Add a way to reach a text to those that are known: their probabilities add up, the better alignment stays."""
    other = ended.get(prefix.tokens)
    if other is None:
        ended[prefix.tokens] = prefix
        return
    better = prefix if prefix.path > other.path else other
    ended[prefix.tokens] = replace(better, acoustic=float(np.logaddexp(prefix.acoustic, other.acoustic)))
