"""English words with capitals."""

from __future__ import annotations

import pytest

from tympan.text.names import capital, with_capitals


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("i think i'm right and he isn't", "I think I'm right and he isn't"),
        ("germans on mondays", "Germans on Mondays"),
        ("england's french king", "England's French king"),
        ("the united states of america", "the United States of America"),
        ("trinidad and tobago's coast", "Trinidad and Tobago's coast"),
        ("new", "new"),
        ("united", "united"),
        ("south of new zealand", "south of New Zealand"),
        ("in may he may march in march", "in May he may march in March"),
        ("may 21st", "May 21st"),
        ("the second of may", "the second of May"),
        ("polish the turkey", "polish the turkey"),
        ("iPhone in English", "iPhone in English"),
    ],
)
def test_capitals_are_those_of_the_lists(said: str, read: str) -> None:
    assert " ".join(with_capitals(said.split())) == read


@pytest.mark.parametrize(("word", "written"), [("hello", "Hello"), ("'tis", "'Tis"), ("5th", "5th"), ("é", "É"), ("", "")])
def test_capital_letter_stands_first(word: str, written: str) -> None:
    assert capital(word) == written
