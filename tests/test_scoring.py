"""Scores against jiwer, against cases worked by hand, and against what must always hold."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.errors import ShapeError
from tympan.scoring import SCORING_RULES, ErrorCounts, align, normalize_for_scoring, score

words = st.lists(st.sampled_from(["a", "b", "ab", "the", "cat"]), max_size=8)
texts = words.map(" ".join)
spoken = st.lists(st.sampled_from(["a", "b", "ab", "the", "cat"]), min_size=1, max_size=8).map(" ".join)
TEN = "one two three four five six seven eight nine ten"


def kinds(reference: str, hypothesis: str) -> list[str]:
    return [op.kind for op in align(reference.split(), hypothesis.split()).ops]


@settings(max_examples=150, deadline=None)
@given(pairs=st.lists(st.tuples(spoken, texts), min_size=1, max_size=6))
def test_rates_and_totals_equal_jiwers(pairs):
    references, hypotheses = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    result = score(references, hypotheses, resamples=2)
    by_word = jiwer.process_words(references, hypotheses)
    by_character = jiwer.process_characters(references, hypotheses)
    assert result.wer == pytest.approx(by_word.wer)
    assert result.cer == pytest.approx(by_character.cer)
    assert result.words.errors == by_word.substitutions + by_word.deletions + by_word.insertions
    assert result.characters.errors == by_character.substitutions + by_character.deletions + by_character.insertions
    assert result.words.reference_length == sum(len(reference.split()) for reference in references)


@settings(deadline=None)
@given(reference=words, hypothesis=words)
def test_an_alignment_holds_both_texts_and_its_counts_agree(reference, hypothesis):
    alignment = align(reference, hypothesis)
    assert [op.reference for op in alignment.ops if op.reference is not None] == reference
    assert [op.hypothesis for op in alignment.ops if op.hypothesis is not None] == hypothesis
    for op in alignment.ops:
        assert (op.kind == "equal") == (op.reference == op.hypothesis)
        assert (op.kind == "insertion") == (op.reference is None)
        assert (op.kind == "deletion") == (op.hypothesis is None)
    counts = alignment.counts
    assert counts.reference_length == len(reference)
    assert counts.insertions - counts.deletions == len(hypothesis) - len(reference)


def test_each_kind_of_edit_worked_by_hand():
    assert kinds("the cat sat", "the cat sat") == ["equal"] * 3
    assert kinds("the cat sat", "the mat sat") == ["equal", "substitution", "equal"]
    assert kinds("the cat sat", "the sat") == ["equal", "deletion", "equal"]
    assert kinds("the sat", "the cat sat") == ["equal", "insertion", "equal"]
    assert kinds("", "a b") == ["insertion"] * 2
    assert kinds("a b", "") == ["deletion"] * 2
    assert kinds("", "") == []


def test_rates_are_pooled_and_not_averaged():
    result = score([TEN, "yes"], [TEN, "no"])
    assert result.words == ErrorCounts(1, 0, 0, 11)
    assert result.wer == pytest.approx(1 / 11)  # the mean of both utterances would be 50 %


def test_character_errors_count_spaces():
    result = score(["ab cd"], ["abcd"])
    assert result.characters == ErrorCounts(0, 1, 0, 5)
    assert result.cer == 0.2
    assert score(["  Ab \n  CD!"], ["ab cd"]).characters == ErrorCounts(0, 0, 0, 5)


def test_words_invented_over_silence_count():
    result = score(["", ""], ["thank you", ""])
    assert result.words == ErrorCounts(0, 0, 2, 0)
    assert result.wer == 2.0
    assert score([""], [""]).wer == 0.0


def test_counts_add_up():
    assert ErrorCounts(1, 2, 3, 10) + ErrorCounts(1, 1, 1, 5) == ErrorCounts(2, 3, 4, 15)
    assert ErrorCounts(1, 2, 3, 10).errors == 6
    assert ErrorCounts(1, 2, 3, 10).rate == 0.6


def test_the_worst_utterances_come_first_and_right_ones_never():
    result = score(["a b c", "a", TEN, "d e"], ["a x c", "b", "", "d e"], worst=5)
    assert [(each.index, each.words.errors) for each in result.worst] == [(2, 10), (1, 1), (0, 1)]
    assert len(score(["a"] * 9, ["b"] * 9, worst=3).worst) == 3
    assert score(["A, b!"], ["c"]).worst[0].reference == "a b"


def test_the_interval_is_that_of_a_sum_of_coins():
    # 400 one-word utterances, 100 wrong: binomial, 0.25 +- 1.96 * sqrt(0.25 * 0.75 / 400) = 0.2076 to 0.2924
    result = score(["a"] * 400, ["b"] * 100 + ["a"] * 300)
    assert result.wer_interval == pytest.approx((0.2076, 0.2924), abs=0.01)
    assert result.interval_by == "utterance"


def test_speakers_are_drawn_whole():
    # two speakers, one all wrong, one all right: draws are 0, 1/2 or 1 with 1/4, 1/2, 1/4
    result = score(["a"] * 200, ["b"] * 100 + ["a"] * 100, ["s1"] * 100 + ["s2"] * 100)
    assert result.wer_interval == (0.0, 1.0)
    assert result.interval_by == "speaker"


def test_one_speaker_is_resampled_by_utterance_and_says_so():
    result = score(["a"] * 50, ["b"] * 10 + ["a"] * 40, ["s1"] * 50)
    assert result.interval_by == "utterance"
    assert result.wer_interval is not None
    assert 0.05 < result.wer_interval[0] < 0.2 < result.wer_interval[1] < 0.35


def test_the_interval_is_the_same_each_time_and_needs_two_utterances():
    arguments = (["a b"] * 30, ["a c", "a b", "b"] * 10)
    assert score(*arguments).wer_interval == score(*arguments).wer_interval
    assert score(*arguments, resamples=9, seed=1).wer_interval != score(*arguments, resamples=9, seed=2).wer_interval
    assert score(["a"], ["b"]).wer_interval is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello world"),
        ("don’t DON‘T don`t donʼt don＇t don´t", "don't don't don't don't don't don't"),
        ("'tis the dogs' rock 'n' roll", "tis the dogs rock n roll"),
        ("‘quoted’ words", "quoted words"),
        ("well-known and/or end.Start", "well known and or end start"),
        ("ＦＵＬＬ ﬁne", "full fine"),
        ("Zu\u0308rich", "z\u00fcrich"),
        ("a\u00adb \ufeffc", "ab c"),
        ("  many \t kinds\u00a0of\u2003space\n", "many kinds of space"),
        ("$5 + 3 = 8", "$5 + 3 = 8"),
        ("снова — «здесь»", "снова здесь"),
        ("हिन्दी में।", "हिन्दी में"),
        ("ते'ते", "ते'ते"),  # the sign before the apostrophe is a mark, not a letter
        ("koŉkret", "ko'nkret"),  # NFKC makes an apostrophe of its own
        ("?!...", ""),
        ("", ""),
    ],
)
def test_spellings_of_the_same_words_become_equal(text, expected):
    assert normalize_for_scoring(text) == expected


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=30))
def test_normalising_twice_changes_nothing_more(text):
    once = normalize_for_scoring(text)
    assert normalize_for_scoring(once) == once
    assert " ".join(once.split()) == once


def test_the_rules_are_one_sentence_that_names_what_is_done():
    assert SCORING_RULES.count(".") == 1
    for part in ("NFKC", "lower case", "apostrophes", "punctuation", "white space", "pooled"):
        assert part in SCORING_RULES


def test_another_normalisation_may_be_given():
    assert score(["A"], ["a"], normalize=str).wer == 1.0
    assert score(["A"], ["a"]).wer == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "no utterance"),
        ((["a"], ["a", "b"]), "1 references but 2 hypotheses"),
        ((["a"], ["a"], ["s", "t"]), "1 references but 2 speakers"),
        (("abc", "abc"), "list of texts"),
    ],
)
def test_lists_that_do_not_fit_are_refused_with_both_numbers(arguments, message):
    with pytest.raises(ShapeError, match=message):
        score(*arguments)
