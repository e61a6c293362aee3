from __future__ import annotations

import pytest

from tympan.lexicon import PHONES
from tympan.lm.case import Case
from tympan.tokens import BLANK_TOKEN, TokenTable


@pytest.mark.parametrize(
    ("texts", "case"),
    [
        (["abc", "'"], Case.LOWER),
        (["ABC", "É"], Case.UPPER),
        (["a", "B"], Case.MIXED),
        (["ß"], Case.LOWER),
        (["日本", "1"], Case.MIXED),
        ([], Case.MIXED),
    ],
)
def test_the_case_of_texts_is_that_of_all_their_letters(texts: list[str], case: Case) -> None:
    assert Case.of(texts) is case


def test_names_of_phones_say_nothing_about_the_case_of_a_text() -> None:
    assert Case.of_table(TokenTable((BLANK_TOKEN, *PHONES), "phones")) is Case.MIXED
    assert Case.of_table(TokenTable((BLANK_TOKEN, "▁A", "B"), "pieces")) is Case.UPPER


def test_folding_gives_the_case() -> None:
    assert (Case.LOWER.fold("Éa"), Case.UPPER.fold("Éa"), Case.MIXED.fold("Éa")) == ("éa", "ÉA", "Éa")
    assert (Case.LOWER.fold_ascii(b"Ab"), Case.UPPER.fold_ascii(b"Ab"), Case.MIXED.fold_ascii(b"Ab")) == (b"ab", b"AB", b"Ab")


def test_bytes_write_both_cases() -> None:
    assert Case.of_table(TokenTable.of_bytes()) is Case.MIXED
