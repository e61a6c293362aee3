"""Words that stood long enough never change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tympan.streaming.stability import SpelledWord, Stability


def spelled(text: str) -> list[SpelledWord]:
    return [(word, (1,)) for word in text.split()]


def test_a_word_is_stable_once_it_stood_for_the_frames() -> None:
    stability = Stability(10)
    stability.update(spelled("the cat"), 0)
    stability.update(spelled("the cap"), 5)
    stability.update(spelled("the cap sat"), 10)
    assert [text for text, _ in stability.stable] == ["the"]
    stability.update(spelled("the cap sat"), 15)
    assert [text for text, _ in stability.stable] == ["the", "cap"]
    assert (stability.shown, stability.retracted) == (4, 1)


def test_a_text_that_disagrees_with_the_stable_words_is_not_shown() -> None:
    stability = Stability(1)
    stability.update(spelled("the cat"), 0)
    stability.update(spelled("the cat"), 1)
    stability.update(spelled("a cat"), 2)
    assert [text for text, _ in stability.words] == ["the", "cat"]
    stability.update(spelled("the cat sat"), 3)
    assert [text for text, _ in stability.words] == ["the", "cat", "sat"]


def test_words_that_the_end_took_back_are_counted() -> None:
    stability = Stability(10)
    stability.update(spelled("the cat sat"), 0)
    stability.close(["the", "hat"])
    assert (stability.shown, stability.retracted) == (3, 2)


def test_a_word_is_shown_once_it_stood_but_the_first_at_once() -> None:
    stability = Stability(10, steady=2)

    def shown(text: str, frame: int) -> str:
        stability.update(spelled(text), frame)
        return " ".join(word for word, _ in stability.words)

    assert shown("", 0) == ""
    assert shown("the", 1) == "the"
    assert shown("the cat", 2) == "the"
    assert shown("the cap", 3) == "the"
    assert shown("the cap", 5) == "the cap"
    assert shown("the cap sat on", 9) == "the cap"
    assert shown("the cap sat on", 11) == "the cap sat on"
    assert shown("a cap", 12) == "the", "which is stable"
    assert (stability.shown, stability.retracted) == (4, 3)


def test_division_keeps_what_is_stable_for_the_next_piece() -> None:
    stability = Stability(2)
    stability.update(spelled("the cat sat"), 0)
    stability.update(spelled("the cat sat on"), 2)
    after = stability.divide(2)
    assert [text for text, _ in after] == ["sat"] and [text for text, _ in stability.words] == ["the", "cat"]
    stability.close(["the", "cat"])
    stability.begin(after)
    assert stability.words == stability.stable == after and stability.retracted == 0
    stability.update(spelled("sat on"), 1)
    assert stability.stable == after and len(stability.words) == 2


TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=5).map(" ".join), max_size=30)


@given(TEXTS, st.integers(0, 5), st.integers(0, 5))
def test_stable_words_only_grow_and_are_always_shown(texts: list[str], frames: int, steady: int) -> None:
    stability, before = Stability(frames, min(steady, frames)), ()
    for frame, text in enumerate(texts):
        stability.update(spelled(text), frame)
        assert stability.stable[: len(before)] == before
        assert stability.words[: len(stability.stable)] == stability.stable
        before = stability.stable
