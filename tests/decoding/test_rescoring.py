"""Rescoring of n-best lists, as worked by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import toy
from toy_models import RATE, Samples, make_bundle, make_scorer, speak
from toy_neural import bigram_file, follows
from tympan.bundle import Bundle
from tympan.decoding import Hypothesis, Rescorer, SearchOptions
from tympan.errors import TokenError, TympanError
from tympan.lm import NeuralLM, Scorer
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable

# P("a b </s>") = 1/2 1/4 1/2 1/8; P("b a </s>") = 1/8 1/2 1/2 1/2, with the space between.
PAIRS = [
    ("", "a", 0.5),
    ("", "b", 0.125),
    ("a", " ", 0.25),
    ("b", " ", 0.5),
    (" ", "b", 0.5),
    (" ", "a", 0.5),
    ("b", "", 0.125),
    ("a", "", 0.5),
]


@pytest.fixture(scope="module")
def lm() -> NeuralLM:
    return NeuralLM(bigram_file(toy.TABLE, follows(toy.TABLE, PAIRS)))


def hypothesis(text: str, score: float) -> Hypothesis:
    words = tuple(text.split())
    return Hypothesis(tuple(toy.TABLE.encode(text)), score, score, words=words, word_lengths=tuple(map(len, words)), text=text)


NBEST = [hypothesis("a b", -2.0), hypothesis("b a", -3.0), hypothesis("a", -4.5)]


# ln of "a b" = ln 1/128 = -4.852, "b a" = ln 1/64 = -4.159, "a" = ln 1/4 = -1.386; added to -2, -3 and -4.5:
ORDERS = {
    0.5: [("a b", -4.426), ("b a", -5.079), ("a", -5.193)],
    1.0: [("a", -5.886), ("a b", -6.852), ("b a", -7.159)],
    2.0: [("a", -7.273), ("b a", -11.318), ("a b", -11.704)],
}


@pytest.mark.parametrize("weight", ORDERS)
def test_the_order_is_that_of_the_sums(lm: NeuralLM, weight: float) -> None:
    found = Rescorer(lm, weight)(NBEST)
    assert [item.text for item in found] == [text for text, _ in ORDERS[weight]]
    assert [item.score for item in found] == pytest.approx([score for _, score in ORDERS[weight]], abs=1e-3)
    assert {item.text: round(item.neural_score, 3) for item in found} == {"a b": -4.852, "b a": -4.159, "a": -1.386}


def test_a_token_score_lifts_longer_texts(lm: NeuralLM) -> None:
    found = Rescorer(lm, 1.0, token_score=1.0)(NBEST)  # three tokens, three, one
    assert [(item.text, round(item.score, 3)) for item in found] == [("a b", -3.852), ("b a", -4.159), ("a", -4.886)]


def test_weight_0_changes_nothing_and_asks_for_nothing() -> None:
    class Unasked:
        tokens, name = toy.TABLE, "unasked"

        def spell(self, text: str) -> list[int]:
            raise AssertionError("asked")

        def score_tokens(self, sequences: Sequence[Sequence[int]]) -> list[float]:
            raise AssertionError("asked")

    assert Rescorer(Unasked(), 0.0)(NBEST) == NBEST
    assert Rescorer(Unasked(), 1.0)([]) == []


def test_equal_scores_keep_their_order(lm: NeuralLM) -> None:
    twins = [hypothesis("a b", -2.0), hypothesis("a b", -2.0)]
    assert [id(item.word_lengths) for item in Rescorer(lm, 1.0)(twins)] == [id(item.word_lengths) for item in twins]


def test_a_word_that_the_tokens_cannot_spell_is_refused_by_name(lm: NeuralLM) -> None:
    with pytest.raises(TokenError, match=r"in memory cannot rescore 'abc'.*'c'.*leave --rescore out"):
        Rescorer(lm, 1.0).check(["ab", "abc"])
    Rescorer(lm, 1.0).check(["ab", "bba"])
    pieces = TokenTable(("<blank>", "▁a", "▁ab", "b"), "pieces")
    of_pieces = Rescorer(NeuralLM(bigram_file(pieces, np.full((4, 4), 0.25))), 1.0)
    of_pieces.check(["ab", "abb"])
    with pytest.raises(TokenError, match="cannot rescore 'ba'"):
        of_pieces.check(["ab", "ba"])


@pytest.fixture(scope="module")
def recognizer_parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Scorer, Samples]:
    """A model that hears "a b" and doubts whether it was "b b", and a lexicon of these two words."""
    folder = tmp_path_factory.mktemp("tones")
    bundle = make_bundle(folder / "tones.tympan", (" ", "a", "b"))
    scorer = make_scorer(folder / "words.scorer", bundle.tokens, {"a": [], "b": []})
    return bundle, scorer, speak(bundle.tokens, "a b", {"a": ("b", 0.7)})


def neural(log_probs: Sequence[tuple[str, str, float]]) -> NeuralLM:
    return NeuralLM(bigram_file(toy.TABLE, follows(toy.TABLE, log_probs)))


def test_a_recogniser_takes_the_rescored_best_with_its_own_times(recognizer_parts: tuple[Bundle, Scorer, Samples]) -> None:
    bundle, scorer, samples = recognizer_parts
    search = SearchOptions(beam_size=50, recombine=False, rescore_weight=4.0)
    plain = Recognizer(bundle, threads=1, scorer=scorer, search=search)
    heard = plain.transcribe(samples, RATE)
    against = Recognizer(bundle, threads=1, scorer=scorer, search=search, rescore=neural([("", "a", 0.001), ("", "b", 0.9)]))
    other = against.transcribe(samples, RATE)
    assert heard.text == "a b" and other.text == "b b"
    assert [(word.start, word.end) for word in other.segments[0].words] == [(word.start, word.end) for word in heard.segments[0].words]
    assert other.segments[0].words[1] == heard.segments[0].words[1], "the word that both heard has one confidence"
    assert other.segments[0].words[0].confidence < heard.segments[0].words[0].confidence
    assert "rescored by in memory, rescore_weight 4" in against.describe_search()
    assert against.search_settings()["rescore_nbest"] == 50


def test_the_search_for_a_rescoring_keeps_texts_apart_that_the_n_gram_cannot_tell_apart(
    recognizer_parts: tuple[Bundle, Scorer, Samples],
) -> None:
    bundle, scorer, samples = recognizer_parts
    lists = {}
    for weight in (0.0, 1.0):
        search = SearchOptions(beam_size=50, rescore_weight=weight)
        recognizer = Recognizer(bundle, threads=1, scorer=scorer, search=search, rescore=neural([("", "a", 0.4), ("", "b", 0.4)]))
        (piece,) = recognizer.decoded(samples, RATE, nbest=20)
        lists[weight] = {found.text for found in piece.hypotheses}
    assert "b b" in lists[1.0] - lists[0.0]


def test_rescoring_with_weight_0_is_no_rescoring(recognizer_parts: tuple[Bundle, Scorer, Samples]) -> None:
    bundle, scorer, samples = recognizer_parts
    search = SearchOptions(beam_size=50, rescore_weight=0.0)
    plain = Recognizer(bundle, threads=1, scorer=scorer, search=search)
    rescored = Recognizer(bundle, threads=1, scorer=scorer, search=search, rescore=neural([("", "a", 0.001)]))
    assert list(rescored.decoded(samples, RATE, nbest=5)) == list(plain.decoded(samples, RATE, nbest=5))


def test_a_model_whose_tokens_cannot_spell_what_may_be_written_is_refused_before_any_audio(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tones.tympan", (" ", "a", "b", "c"))
    with pytest.raises(TokenError, match="cannot rescore 'c'"):
        Recognizer(bundle, threads=1, rescore=neural([("", "a", 0.5)]))


@pytest.mark.parametrize("options", [{"rescore_weight": math.nan}, {"rescore_token_score": math.inf}, {"rescore_nbest": 0}])
def test_options_out_of_their_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(TympanError, match=next(iter(options))):
        SearchOptions(**options)  # type: ignore[arg-type]
