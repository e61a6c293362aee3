"""A scorer of what the transcripts say."""

from __future__ import annotations

from pathlib import Path

from tympan.data.manifest import Utterance
from tympan.lm import Scorer
from tympan.tokens import TokenTable
from tympan.training.transcript_scorer import MOST_WORDS, closed_vocabulary, transcript_scorer


def said(*texts: str) -> list[Utterance]:
    return [Utterance(str(number), Path("a.wav"), 1.0, text) for number, text in enumerate(texts)]


def test_vocabulary_is_closed_where_the_dev_set_says_nothing_new() -> None:
    assert closed_vocabulary(said("one two", "three"), said("three one"))
    assert not closed_vocabulary(said("one two", "three"), said("three four"))
    assert closed_vocabulary(said("one", "two"), said(*["one two"] * 100, "three"))  # one word of 201


def test_vocabulary_of_a_language_is_not_closed() -> None:
    many = said(*(f"word{number}" for number in range(MOST_WORDS + 1)))
    assert not closed_vocabulary(many, many[:10])
    assert not closed_vocabulary(said(""), said(""))


def test_scorer_has_the_words_of_the_transcripts_and_no_others(tmp_path: Path) -> None:
    table = TokenTable.from_texts(["yes no maybe"])
    transcript_scorer(said("yes no", "no", "", "maybe yes"), table, None, tmp_path / "model.scorer")
    scorer = Scorer.open(tmp_path / "model.scorer")
    assert set(scorer.words) == {"yes", "no", "maybe"}
    scorer.check_tokens(table.tokens)
