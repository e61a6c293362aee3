"""From log_probs to words: the search of a piece, and its text when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tympan.decoding import Hypothesis, align, greedy, word_spans
from tympan.decoding.beam import BeamDecoder, BeamStream
from tympan.streaming.stability import SpelledWord

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer

Array = npt.NDArray[np.float32]
FINAL_NBEST = 20  # looked through for a text that begins with the stable words


class Writing:
    """The text of one piece after the other; the search is carried from chunk to chunk.

    Args:
        recognizer: of a CTC model.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self.tokens = recognizer.bundle.tokens
        decoder = recognizer.decoder
        self.search: BeamStream | None = decoder.stream() if isinstance(decoder, BeamDecoder) else None
        self.begin()

    def begin(self, log_probs: Array | None = None) -> None:
        """The next piece, which may have begun with some log_probs."""
        self.log_probs: list[Array] = []
        self.frames = 0
        self.guess: SpelledWord | None = None
        if self.search is not None:
            self.search.reset()
        if log_probs is not None and len(log_probs):
            self.feed(log_probs)

    def feed(self, log_probs: Array) -> None:
        """The piece goes on by (T, V)."""
        if self.search is not None:
            self.search.feed(log_probs)
        self.log_probs.append(log_probs)
        self.frames += len(log_probs)

    def heard(self) -> Array:
        """(T, V) of the piece."""
        if len(self.log_probs) != 1:
            self.log_probs = [np.concatenate((np.zeros((0, len(self.tokens)), np.float32), *self.log_probs))]
        return self.log_probs[0]

    def words(self) -> tuple[list[SpelledWord], bool]:
        """The best words so far, and whether the last one is finished.

        An unfinished word is written as far as it is spelled if its tokens are letters. If they are phones, the first word of a piece is
        guessed, once, so that people see at once that they are heard; a later one is left out until it is finished.
        """
        if self.search is None:
            return self.spelled(greedy(self.heard())), False
        words, unfinished = self.search.words()
        if unfinished is None or self.tokens.kind != "phones":
            return words, unfinished is None
        if len(words) > 1 or not unfinished:
            return words[:-1], True
        self.guess = self.guess or (unfinished, words[0][1])
        return [self.guess], False

    def spelled(self, hypothesis: Hypothesis) -> list[SpelledWord]:
        """The words of a hypothesis with their tokens."""
        return [(span.text, hypothesis.tokens[span.first : span.end]) for span in word_spans(hypothesis, self.tokens)]

    def words_before(self, frame: int, stable: Sequence[SpelledWord]) -> int:
        """How many words begin before `frame` in the best text of the piece that begins with the stable words. Ends the search."""
        hypothesis = self.finish(stable)
        if hypothesis is None:
            return 0
        return sum(1 for span in word_spans(hypothesis, self.tokens) if hypothesis.timesteps[span.first] < frame)

    def cut(self, frame: int) -> Array:
        """Let the piece end at `frame`; gives what came after it, for the next."""
        heard = self.heard()
        self.begin(heard[:frame].copy())
        return heard[frame:].copy()

    def finish(self, stable: Sequence[SpelledWord] = ()) -> Hypothesis | None:
        """The best text of the piece that begins with the stable words, with the frames of its tokens; None if there was nothing."""
        if not self.frames:
            return None
        rescorer = self.recognizer.rescorer
        nbest = max(FINAL_NBEST if stable else 1, 1 if rescorer is None else rescorer.nbest)
        found = [greedy(self.heard())] if self.search is None else self.search.finish(nbest)
        found = found if rescorer is None else rescorer(found)
        wanted = [text for text, _ in stable]
        for hypothesis in found:
            if [text for text, _ in self.spelled(hypothesis)][: len(wanted)] == wanted:
                return self.placed(hypothesis)
        return self.placed(self.spliced(found[0], stable))

    def placed(self, hypothesis: Hypothesis) -> Hypothesis:
        """With the frames of its tokens."""
        return hypothesis if hypothesis.timesteps else align(self.heard(), hypothesis)

    def spliced(self, best: Hypothesis, stable: Sequence[SpelledWord]) -> Hypothesis:
        """The stable words, then those of the best text that are said after them."""
        best = self.placed(best)
        begun = self.placed(composed(stable, best, self.tokens.separator))
        after = [
            (span.text, best.tokens[span.first : span.end])
            for span in word_spans(best, self.tokens)
            if best.timesteps[span.first] >= begun.ends[-1]
        ]
        return composed([*stable, *after], best, self.tokens.separator)


def composed(words: Sequence[SpelledWord], like: Hypothesis, separator: int | None) -> Hypothesis:
    """A hypothesis of these words; its scores are those of another."""
    tokens: list[int] = []
    for _, spelling in words:
        if tokens and separator is not None:
            tokens.append(separator)
        tokens.extend(spelling)
    texts = tuple(text for text, _ in words)
    lengths = tuple(len(spelling) for _, spelling in words)
    return replace(
        like, tokens=tuple(tokens), words=texts, word_lengths=lengths, text=" ".join(texts), timesteps=(), ends=(), token_log_probs=()
    )
