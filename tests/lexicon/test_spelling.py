"""How words are spelled with tokens."""

from __future__ import annotations

import pytest

from tympan.errors import TokenError
from tympan.lexicon import PHONES, Pronunciations, Speller
from tympan.tokens import BLANK_TOKEN, TokenTable

CHARACTERS = TokenTable((BLANK_TOKEN, " ", "a", "b", "\u00fc"))
PIECES = TokenTable((BLANK_TOKEN, "▁", "▁a", "▁ab", "b", "a"), "pieces")
SOUNDS = TokenTable((BLANK_TOKEN, *PHONES), "phones")


def test_characters_are_the_letters_in_one_form() -> None:
    assert Speller(CHARACTERS).spell("ab") == [(2, 3)]
    assert Speller(CHARACTERS).spell("bu\u0308") == [(3, 4)]


def test_pieces_are_the_longest_first_with_the_mark_in_front() -> None:
    assert Speller(PIECES).spell("abba") == [(3, 4, 5)]
    assert Speller(PIECES).spell("bab") == [(1, 4, 5, 4)]


def test_phones_are_all_pronunciations_that_the_dictionary_has() -> None:
    known = Pronunciations.from_lines(["read R EH1 D", "read(2) R IY1 D"])
    index = SOUNDS.index
    assert Speller(SOUNDS, known).spell("Read") == [(index["R"], index["EH"], index["D"]), (index["R"], index["IY"], index["D"])]
    assert Speller(SOUNDS).spell("read") == [(index["R"], index["IY"], index["D"])]  # by rule


def test_given_spellings_come_before_all_rules() -> None:
    assert Speller(CHARACTERS).spell("x", [["a", "b"], ["b"]]) == [(2, 3), (3,)]
    assert Speller(SOUNDS).spell("日本", [["N", "IY"]]) == [(SOUNDS.index["N"], SOUNDS.index["IY"])]


@pytest.mark.parametrize(
    ("table", "word", "given", "part"),
    [
        (CHARACTERS, "abc", None, "'abc' cannot be spelled: the token table has no 'c'"),
        (CHARACTERS, "AB", None, "another case"),
        (CHARACTERS, "a b", None, "white space"),
        (CHARACTERS, "", None, "empty"),
        (CHARACTERS, "a", [[]], "empty"),
        (CHARACTERS, "a", [[BLANK_TOKEN]], "no '<blank>'"),
        (PIECES, "ax", None, "'ax' cannot be spelled"),
        (PIECES, "", None, "empty"),
        (SOUNDS, "日本", None, "no pronunciation"),
        (TokenTable((BLANK_TOKEN, "K", "AE"), "phones"), "cat", [["K", "AE", "T"]], "no 'T'"),
    ],
)
def test_what_cannot_be_spelled_is_named(table: TokenTable, word: str, given: list[list[str]] | None, part: str) -> None:
    with pytest.raises(TokenError, match=part):
        Speller(table).spell(word, given)


def test_bytes_spell_any_word_in_one_form() -> None:
    table = TokenTable.of_bytes()
    assert Speller(table).spell("bu\u0308") == [(0x62 + 1, 0xC3 + 1, 0xBC + 1)]
    with pytest.raises(TokenError, match="cannot be spelled"):
        Speller(table).spell("a\u00a0b")  # becomes a space
