"""A neural language model in the searches that write freely: what it adds, against the same worked by hand and against all texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toy_neural import bigram_file, follows
from tympan.decoding import AttentionDecoder, BlockDecoder, TokenFusion, TransducerDecoder
from tympan.decoding.fusion import Fusion
from tympan.errors import ShapeError, TokenError
from tympan.lm import NeuralLM, Scorer, build
from tympan.tokens import TokenTable

TABLE = TokenTable(("<blank>", " ", "a", "b"))
BIGRAM = follows(TABLE, [("", "a", 0.9), ("a", "", 0.05), ("a", "b", 0.9), ("b", "", 0.6), ("b", " ", 0.3), (" ", "a", 0.8)])
WEIGHT, TOKEN_SCORE = 0.7, 0.2


@pytest.fixture(scope="module")
def lm() -> NeuralLM:
    return NeuralLM(bigram_file(TABLE, BIGRAM))


def by_hand(text: Sequence[int]) -> float:
    """log P of a text and its end."""
    return sum(math.log(BIGRAM[before, after]) for before, after in zip((0, *text), (*text, 0), strict=True))


def test_tokens_and_the_end_are_scored(lm: NeuralLM) -> None:
    fusion = TokenFusion(TABLE, lm, WEIGHT, TOKEN_SCORE)
    for text in ((), (2,), (2, 3, 1, 2, 3)):
        state = fusion.start()
        for place, token in enumerate(text):
            state = fusion.add(state, token)
            assert state.score == pytest.approx(by_hand(text[: place + 1]) - math.log(BIGRAM[token, 0]), abs=1e-5)
        ended = fusion.finish(state)
        assert ended.score == pytest.approx(by_hand(text), abs=1e-5)
        assert fusion.weighed(ended) == pytest.approx(WEIGHT * by_hand(text) + TOKEN_SCORE * len(text), abs=1e-5)


def test_texts_that_are_dropped_cost_nothing(lm: NeuralLM) -> None:
    asked = []

    class Counted:
        tokens, name = TABLE, "counted"

        def start(self) -> Any:
            return lm.start()

        def score(self, states: Any, tokens: Any) -> Any:
            asked.append(list(tokens))
            return lm.score(states, tokens)

    fusion = TokenFusion(TABLE, Counted(), WEIGHT)
    state = fusion.start()
    longer = [fusion.add(state, token) for token in (1, 2, 3)]
    assert asked == [[0]]
    fusion.add(longer[1], 3), fusion.finish(longer[1])
    assert asked == [[0], [2]]


def test_n_gram_and_neural_model_add_up(lm: NeuralLM, tmp_path: Path) -> None:
    build(["ab ab", "ab"], order=2, prune=(0,), tokens=TABLE).save(tmp_path / "words.scorer")
    scorer = Scorer.open(tmp_path / "words.scorer")
    neural = TokenFusion(TABLE, lm, WEIGHT, TOKEN_SCORE)
    both, words, alone = Fusion(TABLE, scorer, 1.5, 0.5, neural=neural), Fusion(TABLE, scorer, 1.5, 0.5), Fusion(TABLE, neural=neural)
    scores = []
    for fusion in (both, words, alone):
        state = fusion.start()
        for token in TABLE.encode("ab ab"):
            state = fusion.add(state, token)
        ended = fusion.finish(state)
        scores.append((fusion.score(ended), ended.lm_score, ended.neural_score))
    assert scores[0] == pytest.approx((scores[1][0] + scores[2][0], scores[1][1], scores[2][2]))
    assert scores[2][2] == pytest.approx(by_hand(TABLE.encode("ab ab")), abs=1e-5)
    nothing = Fusion(TABLE)
    assert nothing.score(nothing.finish(nothing.add(nothing.start(), 2))) == 0.0


def rows(seed: int, *said: int) -> np.ndarray:
    logits = np.random.default_rng([seed, *said]).normal(size=len(TABLE))
    return (logits - np.logaddexp.reduce(logits)).astype(np.float32)


class Speller:
    """Log-probabilities drawn anew for each text, whole or in one block."""

    frames = 2

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def step(self, *given: Any) -> tuple[Any, Any, Any]:
        tokens, state, before = given[-3:]
        said = [(() if state is None else (*state[row], token)) for token, row in zip(tokens, before, strict=True)]
        return np.stack([rows(self.seed, *text) for text in said]), np.full((len(said), 2), 0.5, np.float32), said

    def join(self, states: Sequence[Any], picks: Sequence[tuple[int, int]]) -> Any:
        return [states[number][row] for number, row in picks]


@pytest.mark.parametrize("seed", range(4))
def test_best_text_with_it_is_the_best_of_all_texts(lm: NeuralLM, seed: int) -> None:
    neural = TokenFusion(TABLE, lm, WEIGHT, TOKEN_SCORE)
    every = {
        text: sum(float(rows(seed, *text[:place])[token]) for place, token in enumerate((*text, 0)))
        + WEIGHT * by_hand(text)
        + TOKEN_SCORE * len(text)
        for length in range(5)
        for text in product(range(1, len(TABLE)), repeat=length)
    }
    open_search: dict[str, Any] = {"beam_size": 10_000, "beam_threshold": np.inf, "token_min_log_prob": -np.inf, "neural": neural}
    attention = AttentionDecoder(
        TABLE, length_normalization=0.0, edge_threshold=np.inf, repeat_length=0, max_tokens_per_frame=2, **open_search
    )
    blocks = BlockDecoder(TABLE, frames=2, back=0, most=4, **open_search)
    keys = np.zeros((1, 1, 2, 1), np.float32)
    for found in (attention.decode(Speller(seed), 1)[0], blocks.decode(Speller(seed), keys, keys, 1)[0]):
        best = max(every, key=lambda text: every[text])
        assert (found.tokens, found.score) == (best, pytest.approx(every[best], abs=1e-4))
        assert found.neural_score == pytest.approx(by_hand(best), abs=1e-4)
        assert found.acoustic_score + neural.added(found) == pytest.approx(found.score, abs=1e-5)


def test_it_decides_what_a_transducer_cannot_hear(lm: NeuralLM) -> None:
    class Either:
        """Says a or b in the first frame, either with the same probability, and nothing in the second."""

        def predict(self, tokens: Sequence[int], states: Sequence[Any]) -> Any:
            said = [() if state is None else (*state, token) for token, state in zip(tokens, states, strict=True)]
            return np.array([[float(len(text))] for text in said], np.float32), said

        def join(self, frame: np.ndarray, predicted: np.ndarray) -> np.ndarray:
            says = np.log(np.array([1e-6, 1e-6, 0.49, 0.51]))
            blank = np.log(np.array([1.0, 1e-6, 1e-6, 1e-6]))
            return np.stack([says if frame[0] == 0 and row[0] == 0 else blank for row in predicted]).astype(np.float32)

    heard = np.array([[0.0], [1.0]], np.float32)
    alone = TransducerDecoder(Either(), TABLE).decode(heard)[0]
    fused = TransducerDecoder(Either(), TABLE, neural=TokenFusion(TABLE, lm, WEIGHT)).decode(heard)[0]
    assert (alone.text, fused.text) == ("b", "a")
    assert fused.score == pytest.approx(fused.acoustic_score + WEIGHT * by_hand((2,)), abs=1e-5)


def test_what_cannot_be_is_told(lm: NeuralLM) -> None:
    with pytest.raises(TokenError, match="was trained for other tokens than the model's"):
        TokenFusion(TokenTable(("<blank>", "x")), lm, 0.5)
    with pytest.raises(ShapeError, match="fuse_weight"):
        TokenFusion(TABLE, lm, math.nan)
