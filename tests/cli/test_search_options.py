"""Options of the search on the command line."""

from __future__ import annotations

import pytest

from tympan.cli.search_options import hot_word_counts, parse_hot_words, search_options
from tympan.decoding.options import HOT_WORD_WEIGHT
from tympan.errors import TympanError


def test_hot_words_are_plain_text_with_a_weight_or_without() -> None:
    assert parse_hot_words(["kubernetes:8", "new  york:-2.5", "tympan"]) == {"kubernetes": 8.0, "new york": -2.5, "tympan": HOT_WORD_WEIGHT}


@pytest.mark.parametrize("wrong", ["kubernetes:much", "kubernetes:", ":8", " :8"])
def test_hot_word_without_word_or_number_is_told_with_an_example(wrong: str) -> None:
    with pytest.raises(TympanError, match="kubernetes:8"):
        parse_hot_words([wrong])


def test_no_option_leaves_a_model_without_scorer_greedy() -> None:
    assert search_options(None, None, None, None, None, False) is None


def test_options_given_stand_over_the_defaults() -> None:
    options = search_options(["a:1"], 7, None, 0.25, None, True)
    assert options is not None
    assert (options.beam_size, options.lm_weight, options.word_score, options.lexicon) == (7, 0.25, None, False)
    assert options.hot_words == {"a": 1.0}


def test_counts_of_hot_words_are_a_line() -> None:
    assert hot_word_counts({"a": 0, "b": 1, "c d": 2}) == "hot words: a never, b fired once, c d fired 2 times"
