"""The runtime of neural language models, on one whose every probability is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from toy_neural import bigram_file, follows
from tympan.errors import LMError, ShapeError, TokenError
from tympan.lm import BOUNDARY, NeuralLM
from tympan.lm import neural as module
from tympan.tokens import TokenTable

TABLE = TokenTable(("<blank>", " ", "a", "b"))
PAIRS = [("", "a", 0.5), ("a", "b", 0.25), ("b", "", 0.125), ("b", " ", 0.5), (" ", "a", 0.75), ("a", "", 0.5)]


@pytest.fixture(scope="module")
def lm() -> NeuralLM:
    return NeuralLM(bigram_file(TABLE, follows(TABLE, PAIRS)))


def test_a_text_is_scored_with_its_end_as_worked_by_hand(lm: NeuralLM) -> None:
    # <s> a b _ a </s>
    assert lm.score_text("ab a") == pytest.approx(math.log(0.5 * 0.25 * 0.5 * 0.75 * 0.5), abs=1e-5)
    assert lm.score_text("") == pytest.approx(math.log(0.5 / 3), abs=1e-5)  # what row 0 has left, shared by three


def test_a_text_is_the_sum_of_its_steps(lm: NeuralLM) -> None:
    states, total, before = lm.start()[None], 0.0, BOUNDARY
    for token in [*TABLE.encode("ab a"), BOUNDARY]:
        log_probs, states = lm.score(states, [before])
        total, before = total + float(log_probs[0, token]), token
    assert lm.score_text("ab a") == pytest.approx(total, abs=1e-5)


def test_batches_give_what_each_text_gives_alone_in_the_order_of_the_texts(lm: NeuralLM) -> None:
    texts = ["ab a ab", "", "b", "a a a a a a a", "ab a"]
    assert lm.score_texts(texts) == pytest.approx([lm.score_text(text) for text in texts], abs=1e-5)


def test_windows_and_chunks_change_nothing(lm: NeuralLM, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["ab a ab", "a", "a a a a a a a"]
    whole = lm.score_texts(texts)
    monkeypatch.setattr(module, "WINDOW", 2)
    monkeypatch.setattr(module, "MAX_CELLS", 1)
    assert lm.score_texts(texts) == pytest.approx(whole, abs=1e-5)


def test_text_is_folded_to_the_case_of_the_tokens(lm: NeuralLM) -> None:
    assert lm.score_text("AB A") == lm.score_text("ab a")


def test_perplexity_counts_tokens_words_and_sentence_ends(lm: NeuralLM) -> None:
    found = lm.perplexity(["ab a\n", "\n", "ab\n"])
    log_prob = math.log(0.5 * 0.25 * 0.5 * 0.75 * 0.5) + math.log(0.5 * 0.25 * 0.125)
    assert (found.tokens, found.words, found.sentences) == (6, 3, 2)
    assert found.token == pytest.approx(math.exp(-log_prob / 8), rel=1e-5)
    assert found.word == pytest.approx(math.exp(-log_prob / 5), rel=1e-5)
    with pytest.raises(LMError, match="no sentences"):
        lm.perplexity(["", " "])


def test_what_the_tokens_cannot_spell_is_refused(lm: NeuralLM) -> None:
    with pytest.raises(TokenError, match="'c'"):
        lm.score_text("abc")


def test_states_and_tokens_of_other_shapes_are_refused(lm: NeuralLM) -> None:
    with pytest.raises(ShapeError, match=r"\(2, 1\) for 2 tokens"):
        lm.score([lm.start()], [1, 2])
    with pytest.raises(ShapeError, match="beyond the table of 4"):
        lm.score([lm.start()], [4])
    with pytest.raises(ShapeError, match="beyond"):
        lm.score([lm.start()], [-1])
    with pytest.raises(ShapeError):
        lm.score(np.zeros((0, 1), np.float32), [])
