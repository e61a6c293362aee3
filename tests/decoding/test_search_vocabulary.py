"""What a search may write: lexicon and hot words as flat arrays."""

from __future__ import annotations

import pytest

from toy import PHONES, PIECES, TABLE, WORDS, scorer
from tympan.decoding.vocabulary import SearchVocabulary, make_vocabulary
from tympan.errors import TokenError
from tympan.tokens import TokenTable


def spellings(vocabulary: SearchVocabulary) -> list[tuple[str, tuple[int, ...]]]:
    edges = zip(vocabulary.offsets[:-1].tolist(), vocabulary.offsets[1:].tolist(), strict=True)
    owners = (vocabulary.words[owner] for owner in vocabulary.owners.tolist())
    return [(word, tuple(vocabulary.tokens[begin:end].tolist())) for word, (begin, end) in zip(owners, edges, strict=True)]


def test_lexicon_comes_as_it_is_and_hot_words_behind_it() -> None:
    vocabulary = make_vocabulary(TABLE, scorer(), {"ab": 1.0, "bb": 2.0, "bbb a bb": 3.0})
    assert vocabulary.words == [*WORDS, "bb", "bbb"]
    assert spellings(vocabulary) == [*((word, tuple(TABLE.encode(word))) for word in WORDS), ("bb", (3, 3)), ("bbb", (3, 3, 3))]
    assert vocabulary.hot.tolist() == [0, 1, 0, 0, 0, 2, 0]
    assert vocabulary.phrases == [([6, 0, 5], 3.0)]
    assert vocabulary.phrase_texts == ["bbb a bb"]


def test_without_anything_there_is_nothing_to_know() -> None:
    vocabulary = make_vocabulary(TABLE, None, {})
    assert (vocabulary.words, spellings(vocabulary), vocabulary.phrases) == ([], [], [])
    assert vocabulary.offsets.tolist() == [0]


@pytest.mark.parametrize(
    ("table", "separator", "begins_word"),
    [(TABLE, 1, []), (PHONES, -1, []), (PIECES, -1, [False, True, True, False]), (TokenTable(("<blank>", "日", "本")), -1, [])],
    ids=lambda value: str(value)[:20],
)
def test_tokens_say_where_words_end(table: TokenTable, separator: int, begins_word: list[bool]) -> None:
    vocabulary = make_vocabulary(table, None, {})
    assert (vocabulary.separator, vocabulary.begins_word) == (separator, begins_word)


def test_pieces_of_a_hot_word_are_the_longest_first_and_without_mark_in_the_text() -> None:
    vocabulary = make_vocabulary(PIECES, None, {"abb": 1.0})
    assert spellings(vocabulary) == [("abb", (1, 3, 3))]
    assert vocabulary.spell_out((1, 3, 3)) == "abb"


def test_hot_words_are_taken_in_one_form_of_unicode() -> None:
    table = TokenTable(("<blank>", " ", "\u00fc"))
    assert make_vocabulary(table, None, {"u\u0308": 1.0}).words == ["\u00fc"]


def test_symbols_and_table_mean_the_same() -> None:
    one, other = (make_vocabulary(tokens, scorer(), {"bb": 1.0}) for tokens in (TABLE, list(TABLE.tokens)))
    assert spellings(one) == spellings(other)
    assert one.table.tokens == other.table.tokens


@pytest.mark.parametrize("hot_words", [{"": 1.0}, {" ": 1.0}, {"a": float("nan")}, {"a": 100.5}, {"x": 1.0}, {"a x": 1.0}])
def test_impossible_hot_words_are_refused(hot_words: dict[str, float]) -> None:
    with pytest.raises(TokenError, match="'x'" if any("x" in word for word in hot_words) else "-100 and 100"):
        make_vocabulary(TABLE, None, hot_words)
