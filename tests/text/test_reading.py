"""Transcripts as people read them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tympan.errors import TympanError
from tympan.text import readable, readable_transcript
from tympan.text.spoken_numbers import NUMBER_WORDS
from tympan.transcript import Segment, Transcript, Word

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "tympan"


def segment(text: str, start: float = 0.0, gap: float = 0.1) -> Segment:
    """Words of half a second, `gap` apart."""
    words = tuple(Word(word, start + i * (0.5 + gap), start + i * (0.5 + gap) + 0.5, 0.9) for i, word in enumerate(text.split()))
    return Segment(text, start, words[-1].end, words)


def transcript(*segments: Segment, language: str | None = "en") -> Transcript:
    return Transcript(" ".join(one.text for one in segments), segments, 60.0, language, {"germans": 1})


def test_sentence_begins_with_a_capital_and_ends_with_a_full_stop_at_a_pause() -> None:
    read = readable_transcript(
        transcript(segment("he met twenty three germans"), segment("and i", 10.0), segment("went", 11.3), segment("home", 20.0))
    )
    assert [one.text for one in read.segments] == ["He met 23 Germans.", "And I", "went.", "Home."]
    assert read.text == "He met 23 Germans. And I went. Home."
    assert (read.duration, read.language, read.hot_words) == (60.0, "en", {"germans": 1})


def test_merged_words_span_their_words_in_time() -> None:
    words = (Word("in", 1.0, 1.2, 0.5), Word("nineteen", 1.3, 1.8, 0.9), Word("eighty", 1.9, 2.2, 0.4), Word("four", 2.2, 2.5, 0.6))
    read = readable_transcript(transcript(Segment("in nineteen eighty four", 1.0, 2.5, words))).words
    assert [(word.text, word.start, word.end) for word in read] == [("In", 1.0, 1.2), ("1984.", 1.3, 2.5)]
    assert read[0].confidence == 0.5
    assert read[1].confidence == pytest.approx((0.9 * 0.4 * 0.6) ** (1 / 3))


def test_confidence_that_is_missing_or_zero_stays_so() -> None:
    for first, joined in ((None, None), (0.0, 0.0)):
        words = (Word("twenty", 0.0, 1.0, first), Word("one", 1.0, 2.0, 0.5))
        assert readable_transcript(transcript(Segment("twenty one", 0.0, 2.0, words))).words == (Word("21.", 0.0, 2.0, joined),)


def test_number_does_not_span_a_pause() -> None:
    assert readable_transcript(transcript(segment("twenty one"))).text == "21."
    assert readable_transcript(transcript(segment("twenty one", gap=1.0))).text == "20 one."


def test_segments_without_times_of_words_are_read_too() -> None:
    read = readable_transcript(transcript(Segment("it was fifty percent", 0.0, 2.0), Segment("", 5.0, 6.0), Segment("yes", 8.0, 9.0)))
    assert [(one.text, one.words) for one in read.segments] == [("It was 50%.", ()), ("", ()), ("Yes.", ())]
    assert read.text == "It was 50%. Yes."


def test_silence_stays_silence() -> None:
    assert readable_transcript(transcript()) == transcript()


def test_capitals_of_a_model_that_knows_only_capitals_mean_nothing() -> None:
    assert [read.text for read in readable(["HE", "MET", "TWENTY", "THREE", "GERMANS"])] == ["he", "met", "23", "Germans"]
    assert [read.text for read in readable(["Ann", "met", "Bo"])] == ["Ann", "met", "Bo"]


@given(
    st.lists(st.sampled_from([*sorted(NUMBER_WORDS), "and", "point", "may", "i", "united", "states", "it's"]), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_no_time_is_lost_and_no_word_overlaps(words: list[str], gap: float) -> None:
    said = transcript(segment(" ".join(words), gap=gap))
    read = readable_transcript(said)
    edges = [time for word in read.words for time in (word.start, word.end)]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (said.words[0].start, said.words[-1].end)
    assert {time for word in read.words for time in (word.start,)} <= {word.start for word in said.words}
    assert read.text == read.segments[0].text == " ".join(word.text for word in read.words)


@pytest.mark.parametrize(("language", "part"), [("de", "'de'"), ("de-CH", "'de-CH'"), (None, "does not say"), ("", "does not say")])
def test_other_languages_are_a_sentence(language: str | None, part: str) -> None:
    with pytest.raises(TympanError, match=part) as caught:
        readable_transcript(transcript(segment("eins"), language=language))
    assert "en" in caught.value.hint


def test_regions_of_english_are_english() -> None:
    assert [read.text for read in readable(["twenty"], "en-GB")] == ["20"]


def test_scoring_never_reads_what_was_made_readable() -> None:
    """Error rates compare the words that were said: of the package, only `tympan transcribe` knows of this."""
    users = [
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if "readable_transcript" in path.read_text(encoding="utf-8")
    ]
    assert sorted(users) == ["cli/transcribing.py", "text/__init__.py", "text/reading.py"]


def test_the_page_shows_what_is_read() -> None:
    page = (PACKAGE.parents[1] / "docs" / "transcribing.md").read_text(encoding="utf-8")
    rows = [
        tuple(cell.strip() for cell in line.split("|")[1:3]) for line in page.split("| said | read |")[1].split("\n\n")[0].splitlines()[2:]
    ]
    assert len(rows) > 5
    for said, shown in rows:
        read = ", ".join(" ".join(part.text for part in readable(example.split())) for example in said.split(", "))
        assert read == (said if shown == "as they are" else shown)
