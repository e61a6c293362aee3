"""The words of a piece under way, of letters and of phones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tympan.streaming.writing import Writing

Answer = tuple[list[tuple[str, tuple[int, ...]]], str | None]


def word(text: str) -> tuple[str, tuple[int, ...]]:
    return text, tuple(range(len(text)))


def writing_of(kind: str, answers: list[Answer]) -> Writing:
    """Whose search says so, one after the other."""
    recognizer: Any = SimpleNamespace(bundle=SimpleNamespace(tokens=SimpleNamespace(kind=kind)), decoder=None)
    writing = Writing(recognizer)
    search: Any = SimpleNamespace(words=lambda: answers.pop(0), reset=lambda: None)
    writing.search = search
    return writing


def texts(writing: Writing) -> tuple[list[str], bool]:
    words, finished = writing.words()
    return [text for text, _ in words], finished


def test_first_word_of_phones_is_guessed_once_and_later_ones_wait_until_they_are_finished() -> None:
    answers: list[Answer] = [
        ([word("hh")], "her"),
        ([word("hh eh")], "head"),
        ([word("hello")], None),
        ([word("hello"), word("w")], "were"),
        ([word("hello"), word("world")], None),
        ([word("dh")], "the"),
    ]
    writing = writing_of("phones", answers)
    assert texts(writing) == (["her"], False)
    assert texts(writing) == (["her"], False), "not another guess each time"
    assert texts(writing) == (["hello"], True)
    assert texts(writing) == (["hello"], True)
    assert texts(writing) == (["hello", "world"], True)
    writing.begin()
    assert texts(writing) == (["the"], False), "the next piece has its own"


@pytest.mark.parametrize("kind", ["characters", "pieces"])
def test_letters_are_written_as_far_as_they_go(kind: str) -> None:
    writing = writing_of(kind, [([word("hello"), word("wo")], "world"), ([word("hello"), word("world")], None)])
    assert texts(writing) == (["hello", "wo"], False)
    assert texts(writing) == (["hello", "world"], True)


def test_what_nothing_can_be_guessed_of_is_not_shown() -> None:
    assert texts(writing_of("phones", [([word("zh")], "")])) == ([], True)
