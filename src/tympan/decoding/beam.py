"""CTC prefix beam search with lexicon, n-gram and hot words: the Python side of native/search."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tympan.decoding.hypothesis import Hypothesis
from tympan.decoding.vocabulary import make_vocabulary
from tympan.errors import ShapeError
from tympan.tokens import TokenTable

if TYPE_CHECKING:
    from tympan import _native
    from tympan.lm import Scorer

LogProbs = npt.NDArray[np.float32]
MAX_COUNT = 1 << 31


class BeamDecoder:
    """Searches the most probable text under CTC, a scorer and hot words; safe to share among threads.

    Whole:   hypotheses = decoder.decode(log_probs)
    Stream:  stream = decoder.stream(); stream.feed(chunk); stream.peek(); ...; stream.finish()

    The objective, in natural logarithms (lm_weight and word_score are DeepSpeech's alpha and beta):

        score = log P(text | audio) + lm_weight * log P_lm(text </s>) + word_score * words + hot words

    where P(text | audio) is the sum over all alignments that the beam kept. Pruning: of a frame's tokens only those above
    token_min_log_prob are followed; of the hypotheses those within beam_threshold of the best, and of these the beam_size best.

    Args:
        tokens: a token table, or its symbols: index 0 the blank, " " the space of characters, or pieces that begin with "▁".
        scorer: n-gram, lexicon and weights; None searches without.
        lm_weight: None takes the scorer's. No effect without a scorer.
        word_score: added for each word; None takes the scorer's. No effect without a scorer.
        beam_size: hypotheses kept after each frame, at most.
        beam_threshold: natural log; worse hypotheses are dropped.
        token_min_log_prob: natural log; less probable tokens are followed only where they repeat the last one.
        blank_skip: frames whose blank is at least this probable count as all blank; 1 skips none.
        hot_words: word or phrase -> weight (natural log, 5 to 10 is strong, negative forbids), also such that the lexicon lacks.
        lexicon: write only words of the scorer's lexicon and hot words; False writes any. No effect without a scorer.
        unknown_score: added for a word outside the lexicon, on top of what the n-gram says of it. No effect with lexicon=True.
        recombine: let hypotheses that the n-gram cannot tell apart become one: faster, but the n-best list has fewer texts.

    Raises:
        TokenError: the scorer was made for other tokens, or a hot word cannot be spelled with them; it is named.

    Source: Hannun et al. 2014, arXiv:1408.2873, algorithm 1.
    """

    def __init__(
        self,
        tokens: TokenTable | Sequence[str],
        scorer: Scorer | None = None,
        lm_weight: float | None = None,
        word_score: float | None = None,
        beam_size: int = 100,
        beam_threshold: float = 10.0,
        hot_words: Mapping[str, float] | None = None,
        lexicon: bool = True,
        *,
        token_min_log_prob: float = -7.0,
        blank_skip: float = 1.0,
        unknown_score: float = -8.0,
        recombine: bool = True,
    ) -> None:
        from tympan import _native

        check_counts(beam_size=beam_size)
        check_positive(beam_threshold=beam_threshold)
        check_numbers(token_min_log_prob=max(token_min_log_prob, -1e30), blank_skip=min(blank_skip, 1.0), unknown_score=unknown_score)
        self.tokens = tuple(tokens.tokens if isinstance(tokens, TokenTable) else tokens)
        self.hot_words = dict(hot_words or {})
        vocabulary = make_vocabulary(tokens, scorer, self.hot_words)
        self.vocabulary = vocabulary
        if scorer is None:
            lm_weight = word_score = unknown_score = 0.0
            lexicon = False
        else:
            lm_weight = scorer.lm_weight if lm_weight is None else lm_weight
            word_score = scorer.word_score if word_score is None else word_score
        check_numbers(lm_weight=lm_weight, word_score=word_score)
        self.lm_weight, self.word_score = lm_weight, word_score
        words = _native.make_words(
            None if scorer is None else scorer.ngram.native,
            len(self.tokens),
            vocabulary.tokens,
            vocabulary.offsets,
            vocabulary.owners,
            vocabulary.words,
            vocabulary.bonuses,
            vocabulary.hot,
            lm_weight,
            word_score,
            unknown_score,
        )
        self.native = _native.Decoder(
            words,
            vocabulary.separator,
            vocabulary.begins_word,
            vocabulary.phrases,
            beam_size,
            beam_threshold,
            token_min_log_prob,
            blank_skip,
            lexicon,
            recombine,
        )

    def decode(self, log_probs: LogProbs, nbest: int = 1) -> list[Hypothesis]:
        """The best texts of one utterance, best first.

        Args:
            log_probs: (T, V) natural log, blank at 0, valid frames only.
            nbest: hypotheses wanted; fewer come back if the beam holds fewer.

        Raises:
            ShapeError: not two-dimensional, no frames, V is not the size of the token table, or NaN, infinite or positive values.
        """
        check_counts(nbest=nbest)
        return self.hypotheses(self.native.decode(self.checked(log_probs), nbest))

    def decode_batch(self, log_probs: Sequence[LogProbs], nbest: int = 1, threads: int = 0) -> list[list[Hypothesis]]:
        """As `decode`, for many utterances over `threads` threads; 0 takes all cores. Ctrl-C ends it."""
        check_counts(nbest=nbest, threads=threads or 1)
        batch = [self.checked(item) for item in log_probs]
        found = self.native.decode_batch(batch, nbest, threads or os.cpu_count() or 1)
        return [self.hypotheses(results) for results in found]

    def stream(self) -> BeamStream:
        """A search that is fed chunk by chunk."""
        from tympan import _native

        return BeamStream(self, _native.Stream(self.native))

    def cancel(self) -> None:
        """End every decode that is under way in other threads; they raise TympanError."""
        self.native.cancel()

    def checked(self, log_probs: LogProbs, *, empty: bool = False) -> LogProbs:
        """`log_probs` as the native search wants them; ShapeError if they cannot be."""
        array = np.asarray(log_probs)
        if array.ndim != 2 or array.dtype.kind != "f":
            raise ShapeError(f"log_probs must be (T, V) of floating point, not {array.shape} of {array.dtype}.")
        if array.shape[1] != len(self.tokens):
            raise ShapeError(
                f"log_probs have {array.shape[1]} tokens a frame, the token table has {len(self.tokens)}.",
                "One more or less is mostly a blank that was counted twice or not at all; it belongs at index 0.",
            )
        if not len(array) and not empty:
            raise ShapeError("log_probs hold no frames.", "Leave out recordings that are shorter than one frame.")
        return np.ascontiguousarray(array, dtype=np.float32)

    def hypotheses(self, results: list[_native.Result]) -> list[Hypothesis]:
        """Native results with words as text, every text once: of two ways to spell it with word pieces the better one."""
        found: dict[str, Hypothesis] = {}
        for result in results:
            hypothesis = self.hypothesis(result)
            found.setdefault(hypothesis.text, hypothesis)
        return list(found.values())

    def hypothesis(self, result: _native.Result) -> Hypothesis:
        """A native result with words as text."""
        score, acoustic, lm, hot, posterior, _, phrases, found, _ = result
        vocabulary = self.vocabulary
        words: list[str] = []
        tokens: list[int] = []
        lengths: list[int] = []
        counts: dict[str, int] = {}
        for word, _, spelling in found:
            text = vocabulary.words[word] if word >= 0 else vocabulary.spell_out(spelling)
            if not text:  # the mark of a word alone
                continue
            if words and vocabulary.separator >= 0:
                tokens.append(vocabulary.separator)
            words.append(text)
            tokens.extend(spelling)
            lengths.append(len(spelling))
            for hot_word in vocabulary.hot_words.get(text, ()):
                counts[hot_word] = counts.get(hot_word, 0) + 1
        for phrase in phrases:
            text = vocabulary.phrase_texts[phrase]
            counts[text] = counts.get(text, 0) + 1
        text = " ".join(words)
        return Hypothesis(tuple(tokens), score, acoustic, lm, hot, tuple(words), tuple(lengths), text, posterior, counts)


class BeamStream:
    """One utterance, chunk by chunk; the cost of a chunk does not depend on what came before. For one thread at a time.

    stream.feed(chunk)      any number of frames, also none; the result does not depend on how the frames were cut
    stream.peek()           the best text so far; changes nothing
    stream.finish()         the best texts, `</s>` and the last word scored; changes nothing, so more may be fed
    stream.reset()          begins the next utterance
    """

    def __init__(self, decoder: BeamDecoder, native: _native.Stream) -> None:
        self.decoder = decoder
        self.native = native

    def feed(self, log_probs: LogProbs) -> None:
        """Take in (T, V) log_probs.

        Raises:
            ShapeError: as `BeamDecoder.decode`, but no frames are no mistake. The stream is then as it was before.
        """
        self.native.feed(self.decoder.checked(log_probs, empty=True))

    def peek(self) -> Hypothesis:
        """The best text so far; its last word may be unfinished, `</s>` is not scored. Only `score` is filled in of the scores."""
        return self.decoder.hypothesis(self.native.peek())

    def words(self) -> tuple[list[tuple[str, tuple[int, ...]]], str | None]:
        """The best words so far with their tokens; and, if the last one is unfinished, what it may become, empty if nothing is known.

        The text of an unfinished word are its tokens; None stands for a last word that is finished.
        """
        result = self.native.peek()
        vocabulary = self.decoder.vocabulary
        words = [(vocabulary.words[word] if word >= 0 else vocabulary.spell_out(tokens), tokens) for word, _, tokens in result[7]]
        unfinished = None if result[5] else "" if result[8] < 0 else vocabulary.words[result[8]]
        return [word for word in words if word[0]], unfinished

    def finish(self, nbest: int = 1) -> list[Hypothesis]:
        """The best texts of all that was fed, best first."""
        check_counts(nbest=nbest)
        return self.decoder.hypotheses(self.native.finish(nbest))

    def reset(self) -> None:
        """Forget what was fed."""
        self.native.reset()

    @property
    def search_steps(self) -> int:
        """Extensions of hypotheses looked at since the beginning: a measure of work that does not depend on the machine."""
        return self.native.search_steps


def check_positive(**values: float) -> None:
    """ShapeError names the first argument that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ShapeError(f"{name} is {value}, but must be above 0.")


def check_counts(**values: float) -> None:
    """ShapeError names the first argument that is no whole number from 1 to 2 ** 31."""
    for name, value in values.items():
        if not isinstance(value, Integral) or not 1 <= value <= MAX_COUNT:
            raise ShapeError(f"{name} is {value}, but must be a whole number from 1 to {MAX_COUNT}.")


def check_numbers(**values: float) -> None:
    """ShapeError names the first argument that is not finite."""
    for name, value in values.items():
        if not np.isfinite(value):
            raise ShapeError(f"{name} is {value}, which is no number to search with.")
