"""The search for neural transducers: texts grow within a block, and wait at its end for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tympan.decoding.attention import EDGE, Array, Scores, checked_step
from tympan.decoding.beam import check_counts, check_positive
from tympan.decoding.fusion import NOTHING, Fused, Fusion
from tympan.decoding.hypothesis import Hypothesis
from tympan.decoding.token_fusion import TokenFusion
from tympan.decoding.word_fusion import UNKNOWN_SCORE
from tympan.errors import ShapeError
from tympan.tokens import TokenTable

if TYPE_CHECKING:
    from tympan.lm import Scorer


class BlockNetwork(Protocol):
    """The speller's step on one window of an utterance, by onnxruntime or anything else; the encoder has run before.

    A state is whatever `step` or `join` gave, one row for each text; the search only hands it back. None stands before the first token.
    """

    def step(self, keys: Array, values: Array, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[Array, Array, Any]:
        """n tokens, each read in the state of its row, in a window of w frames -> log_probs (n, V), weights (n, w), states."""
        ...

    def join(self, states: Sequence[Any], picks: Sequence[tuple[int, int]]) -> Any:
        """One state of the rows (number of the state, row in it)."""
        ...


@dataclass(frozen=True)
class Said:
    """A beginning of a text, and where the sound supports it.

    Attributes:
        tokens: without EDGE.
        acoustic: log of the summed probability of the ways to say it that were held, blocks' ends counted.
        peaks: log-probability of each token.
        frames: that was looked at most for each token, of the utterance.
        place: where its state is: number of the step in the block, row.
        fusion: what the language model knows of it; None without one.
        bonus: what that adds to the score.
    """

    tokens: tuple[int, ...] = ()
    acoustic: float = 0.0
    peaks: tuple[float, ...] = ()
    frames: tuple[int, ...] = ()
    place: tuple[int, int] = (0, 0)
    fusion: Fused = NOTHING
    bonus: float = 0.0

    @property
    def score(self) -> float:
        return self.acoustic + self.bonus


class BlockDecoder:
    """Searches the most probable text under a neural transducer and, with a scorer, an n-gram over words. Not bound to one utterance.

    hypotheses = decoder.decode(network, keys, values)
    search = decoder.begin(network); search.accept(keys, values); ...; hypotheses = search.finish()       both give the same

    The objective, in natural logarithms:

        log P(tokens and ends of blocks | audio) + lm_weight * log P_lm(words </s>) + word_score * words + unknown_score * unknown words
            + fuse_weight * log P_neural(tokens </s>) + fuse_token_score * tokens

    where ways to say the same tokens in other blocks are added up as far as they are held. Within a block each text grows by its
    `beam_size` best tokens, of which the `beam_size` best are kept, and each is put aside with the block's end behind it; when no text
    that still grows is better than what was put aside, the `beam_size` best of those begin the next block. All texts end as many blocks,
    so that no length has to be taken into account.

    Args:
        tokens: the model's, EDGE in blank's place.
        scorer: n-gram and words, or None.
        lm_weight, word_score: None takes the scorer's.
        frames, back: encoded frames of a block, and before it, that the model was trained with.
        most: tokens of a block, at most.
        beam_size: texts kept after each step, at most.
        beam_threshold: natural log; texts that are worse than the best are dropped.
        token_min_log_prob: natural log; less probable tokens are not followed.
        unknown_score: natural log, for each word outside the lexicon.
        neural: a language model over the tokens, or None.

    Raises:
        ShapeError: an option is no usable number.
        TokenError: as `Fusion`.

    Source: Jaitly et al. 2015, arXiv:1511.04868, section 2.6.
    """

    def __init__(
        self,
        tokens: TokenTable,
        scorer: Scorer | None = None,
        lm_weight: float | None = None,
        word_score: float | None = None,
        *,
        frames: int,
        back: int,
        most: int,
        beam_size: int = 8,
        beam_threshold: float = 14.0,
        token_min_log_prob: float = -9.0,
        unknown_score: float = UNKNOWN_SCORE,
        neural: TokenFusion | None = None,
    ) -> None:
        check_counts(beam_size=beam_size, frames=frames, most=most)
        check_positive(beam_threshold=beam_threshold)
        if back < 0:
            raise ShapeError(f"back is {back}, but must be at least 0.")
        self.tokens = tokens
        self.fusion = Fusion(tokens, scorer, lm_weight, word_score, unknown_score, neural)
        self.lm_weight, self.word_score = self.fusion.lm_weight, self.fusion.word_score
        self.frames, self.back, self.most = frames, back, most
        self.beam_size, self.beam_threshold, self.token_min_log_prob = beam_size, beam_threshold, token_min_log_prob

    def begin(self, network: BlockNetwork) -> BlockSearch:
        """The search of one utterance, before its first frame."""
        return BlockSearch(self, network)

    def decode(self, network: BlockNetwork, keys: Array, values: Array, nbest: int = 1) -> list[Hypothesis]:
        """The best texts of one utterance, best first; without frames the empty text.

        Args:
            network: the speller.
            keys, values: (1, H, T', A) and (1, H, T', E), valid frames only.
            nbest: hypotheses wanted; fewer come back if the search holds fewer.

        Raises:
            ShapeError: the network's answer is not (n, V) for this token table, or holds NaN.
        """
        search = self.begin(network)
        search.accept(keys, values)
        return search.finish(nbest)

    def block(self, network: BlockNetwork, keys: Array, values: Array, first: int, held: list[Said], state: Any) -> tuple[list[Said], Any]:
        """The texts after one more block, best first, and their states.

        Args:
            network: the speller.
            keys, values: of the window.
            first: number of its first frame.
            held: texts that end with the block before, in the order of the rows of `state`.
            state: None before the first block.
        """
        growing, waiting = [replace(said, place=(0, row)) for row, said in enumerate(held)], dict[tuple[int, ...], Said]()
        states: list[Any] = []
        for length in range(self.most + 1):
            rows = [said.place[1] for said in growing]
            tokens = [said.tokens[-1] if length else EDGE for said in growing]
            found, weights, state = network.step(keys, values, tokens, state, rows)
            log_probs, looked = checked_step(found, weights, len(growing), keys.shape[2])
            if log_probs.shape[1] != len(self.tokens):
                raise ShapeError(f"log_probs have {log_probs.shape[1]} tokens, the token table has {len(self.tokens)}.")
            states.append(state)
            growing = [replace(said, place=(length, row)) for row, said in enumerate(growing)]
            for row, said in enumerate(growing):
                put_aside(waiting, replace(said, acoustic=said.acoustic + float(log_probs[row, EDGE])))
            growing = self.grown(growing, log_probs, looked, first) if length < self.most else []
            least = sorted((said.score for said in waiting.values()), reverse=True)[: self.beam_size]
            best, worst = least[0], least[-1] if len(least) == self.beam_size else -np.inf
            growing = [said for said in growing if said.score > max(worst, best - self.beam_threshold)]
            if not growing:
                break
        kept = sorted(waiting.values(), key=by_score)[: self.beam_size]
        kept = [said for said in kept if said.score >= kept[0].score - self.beam_threshold]
        return kept, network.join(states, [said.place for said in kept])

    def grown(self, growing: Sequence[Said], log_probs: Scores, weights: Scores, first: int) -> list[Said]:
        """The best texts that are a token longer."""
        candidates = []
        for row, said in enumerate(growing):
            own, looked = log_probs[row], first + int(weights[row].argmax())
            best = np.argpartition(-own, min(self.beam_size, len(own) - 1))[: self.beam_size + 1]  # EDGE may be among them
            for token in best.tolist():
                if token != EDGE and own[token] >= self.token_min_log_prob:
                    candidates.append(self.extended(said, token, float(own[token]), looked, row))
        return sorted(candidates, key=by_score)[: self.beam_size]

    def extended(self, said: Said, token: int, log_prob: float, looked: int, row: int) -> Said:
        """The text with one more token, which the state of `row` is to read next."""
        fusion = self.fusion.add(said.fusion, token)
        bonus = self.fusion.score(fusion)
        frames = (*said.frames, max(looked, said.frames[-1] if said.frames else 0))
        return Said((*said.tokens, token), said.acoustic + log_prob, (*said.peaks, log_prob), frames, (0, row), fusion, bonus)

    def hypotheses(self, held: Sequence[Said], nbest: int) -> list[Hypothesis]:
        """Texts with their last words counted, each text once, best first."""
        whole = []
        for said in held:
            fusion = self.fusion.finish(said.fusion)
            whole.append(replace(said, fusion=fusion, bonus=self.fusion.score(fusion)))
        total = float(np.logaddexp.reduce([said.score for said in whole]))
        found: dict[str, Said] = {}
        shares: dict[str, float] = {}
        for said in sorted(whole, key=by_score):
            text = " ".join(self.tokens.decode(said.tokens).split())
            found.setdefault(text, said)
            shares[text] = shares.get(text, 0.0) + float(np.exp(said.score - total))
        return [
            Hypothesis(
                said.tokens,
                said.score,
                said.acoustic,
                said.fusion.lm_score,
                text=text,
                posterior=shares[text],
                timesteps=said.frames,
                ends=tuple(frame + 1 for frame in said.frames),
                token_log_probs=said.peaks,
                neural_score=said.fusion.neural_score,
            )
            for text, said in list(found.items())[:nbest]
        ]


class BlockSearch:
    """A search that goes on as frames come; in whatever pieces they come, the texts are the same.

    Args:
        decoder: whose options are taken.
        network: the speller.
    """

    def __init__(self, decoder: BlockDecoder, network: BlockNetwork) -> None:
        self.decoder, self.network = decoder, network
        self.held = [Said(fusion=decoder.fusion.start())]
        self.state: Any = None
        self.done = 0  # frames of whole blocks
        self.keys: list[Array] = []  # what comes after them, and `back` frames before
        self.values: list[Array] = []
        self.kept = 0  # frames of these

    def accept(self, keys: Array, values: Array) -> None:
        """More frames: (1, H, t, A) and (1, H, t, E)."""
        self.keys.append(keys)
        self.values.append(values)
        self.kept += keys.shape[2]
        frames = self.decoder.frames
        while self.kept - self.before() >= frames:
            self.hear(frames)

    def before(self) -> int:
        """Frames that are kept of what was heard."""
        return min(self.done, self.decoder.back)

    def hear(self, frames: int) -> None:
        """One more block of so many frames."""
        keys, values = np.concatenate(self.keys, axis=2), np.concatenate(self.values, axis=2)
        before = self.before()
        width, first = before + frames, self.done - before
        window = np.ascontiguousarray(keys[:, :, :width]), np.ascontiguousarray(values[:, :, :width])
        self.held, self.state = self.decoder.block(self.network, *window, first, self.held, self.state)
        self.done += frames
        cut = width - self.before()
        self.keys, self.values = [keys[:, :, cut:]], [values[:, :, cut:]]
        self.kept -= cut

    def hypotheses(self, nbest: int = 1) -> list[Hypothesis]:
        """What was said up to the last whole block, best first."""
        return self.decoder.hypotheses(self.held, nbest)

    def finish(self, nbest: int = 1) -> list[Hypothesis]:
        """What was said, with the frames that fill no whole block; nothing can come after."""
        check_counts(nbest=nbest)
        if rest := self.kept - self.before():
            self.hear(rest)
        return self.hypotheses(nbest)


def put_aside(waiting: dict[tuple[int, ...], Said], said: Said) -> None:
    """Add a text to those that wait; of two ways to say it the better one's state and places are kept, and their probabilities added."""
    other = waiting.get(said.tokens)
    if other is None:
        waiting[said.tokens] = said
        return
    better = said if said.acoustic > other.acoustic else other
    waiting[said.tokens] = replace(better, acoustic=float(np.logaddexp(said.acoustic, other.acoustic)))


def by_score(said: Said) -> tuple[float, tuple[int, ...]]:
    """Sorts best first, and equal scores always in the same order."""
    return -said.score, said.tokens
