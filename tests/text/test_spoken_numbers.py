"""Number words as digits."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tympan.text import Normalizer
from tympan.text.normalizer import plain_words
from tympan.text.spoken_numbers import UNITS, Read, listed, written_numbers

SPELLER = Normalizer("en").numbers
DIGIT_WORDS = ["zero", *UNITS]


def written(text: str) -> str:
    return " ".join(read.text for read in written_numbers(text.split()))


def spelled(number: int, form: str = "cardinal") -> str:
    pytest.importorskip("num2words")
    return plain_words(SPELLER.num2words(number, form))


numbers = st.integers(0, 999_999_999) | st.integers(0, 9999) | st.builds(int.__mul__, st.integers(1, 999), st.sampled_from([10**3, 10**6]))


@given(numbers)
@example(100_000_000)
@example(999_999_999)
@example(1_000_001)
def test_every_number_comes_back_from_its_words(number: int) -> None:
    words = spelled(number)
    assert written(words) == (str(number) if number >= 10 else words)
    assert written(words.replace(" and ", " ")) == (str(number) if number >= 10 else words), "as Americans say it"


@given(numbers)
def test_every_ordinal_comes_back_from_its_words(number: int) -> None:
    words = spelled(number, "ordinal")
    assert written(words) == (SPELLER.num2words(number, "ordinal_num") if number >= 10 and number not in (100, 10**3, 10**6) else words)


@given(st.integers(1300, 2099))
def test_every_year_comes_back_from_its_words(year: int) -> None:
    assert written(spelled(year, "year")) == str(year)


@given(st.integers(0, 9999), st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_every_decimal_comes_back_from_its_words(whole: int, digits: list[int]) -> None:
    spoken = f"{spelled(whole)} point {' '.join(DIGIT_WORDS[digit] for digit in digits)}"
    assert written(spoken) == f"{whole}.{''.join(map(str, digits))}"


@given(st.lists(st.integers(0, 9), min_size=3, max_size=12))
def test_three_digits_or_more_are_joined(digits: list[int]) -> None:
    assert written(" ".join(DIGIT_WORDS[digit] for digit in digits)) == "".join(map(str, digits))


@given(
    st.lists(
        st.sampled_from(listed("one two nine ten twenty hundred thousand million and a oh zero point first tenth percent man")),
        max_size=9,
    )
)
def test_every_word_is_in_exactly_one_piece(words: list[str]) -> None:
    pieces = written_numbers(words)
    assert [index for piece in pieces for index in range(piece.first, piece.end)] == list(range(len(words)))
    assert all(piece.text == words[piece.first] for piece in pieces if not any(sign.isdigit() for sign in piece.text))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("twenty three", "23"),
        ("twenty-three", "23"),
        ("nineteen eighty four", "1984"),
        ("nineteen oh five", "1905"),
        ("ten sixty six", "1066"),
        ("nineteen hundred and five", "1905"),
        ("the nineteen eighties and the eighteen hundreds", "the 1980s and the 1800s"),
        ("the eighties", "the eighties"),
        ("three hundred and five", "305"),
        ("fifteen hundred", "1500"),
        ("one point five", "1.5"),
        ("one point five million", "1.5 million"),
        ("version one point five point two", "version 1.5.2"),
        ("fifty percent", "50%"),
        ("five per cent", "5%"),
        ("twenty first", "21st"),
        ("the one hundred and twelfth", "the 112th"),
        ("five five five one two", "55512"),
        ("five oh one two", "5012"),
        ("oh seven seven one", "0771"),
        ("a hundred and five", "105"),
        ("eight ninety seven", "8 97"),
        ("five miles", "5 miles"),
        ("between one hundred and two hundred", "between 100 and 200"),
        ("one thousand two thousand", "1000 2000"),
        ("nineteen twenty thousand", "19 20000"),
        # Two numbers, or a time: nobody can say.
        ("ten thirty", "10 30"),
        ("ten eleven and thirteen years", "10 11 and 13 years"),
        ("ten oh five", "10:05"),
    ],
)
def test_numbers_are_written_as_people_write_them(said: str, read: str) -> None:
    assert written(said) == read


@pytest.mark.parametrize(
    "said",
    [
        "one of the two men",
        "no one came",
        "oh five",
        "oh no",
        "a hundred men",
        "hundreds of thousands",
        "the second day and the third",
        "one second",
        "a tenth of it",
        "one hundredth",
        "one third",
        "at one point five men came",
        "at this point",
        "seven and nine",
    ],
)
def test_ordinary_words_stay(said: str) -> None:
    assert written(said) == said


def test_an_exclamation_is_no_last_digit() -> None:
    assert written("nine one one oh my") == "911 oh my"


def test_pieces_name_the_words_that_they_stand_for() -> None:
    assert written_numbers(["About", "twenty-three", "hundred", "and", "five"]) == [Read("About", 0, 1), Read("2305", 1, 5)]
