"""Transcripts: values that cannot be impossible, and each format read back by other means than it was written with."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.errors import TympanError
from tympan.transcript import FORMATS, Segment, Transcript, Word, to_format

HELLO = Transcript(
    "hello <big> world & more",
    (
        Segment("hello <big> world", 0.5, 2.0, (Word("hello", 0.5, 0.9, 0.98), Word("<big>", 1.0, 1.2, 0.5), Word("world", 1.25, 2.0))),
        Segment("& more", 3661.0, 3662.5, (Word("&", 3661.0, 3661.1, 1.0), Word("more", 3661.2, 3662.5, 0.0))),
    ),
    duration=4000.0,
    language="en",
)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Words of any length with pauses of any length; some segments without words' times."""
    letters = st.text(alphabet="abcäß&<>'-日", min_size=1, max_size=60)
    now = 0.0
    segments = []
    for texts in draw(st.lists(st.lists(letters, max_size=25), max_size=4)):
        words = []
        for text in texts:
            start = now + draw(st.floats(0, 2))
            now = start + draw(st.floats(0, 3))
            words.append(Word(text, start, now, draw(st.one_of(st.none(), st.floats(0, 1)))))
        start, end = (words[0].start, now) if words else (now, now)
        segments.append(Segment(" ".join(texts), start, end, words if draw(st.booleans()) else ()))
    return Transcript(" ".join(segment.text for segment in segments), segments, now + draw(st.floats(0, 5)))


def parsed(subtitles: str, point: str) -> list[tuple[float, float, list[str]]]:
    """(start, end, lines) of each cue, by the shape of its time line."""
    time = rf"(\d\d+):(\d\d):(\d\d){re.escape(point)}(\d\d\d)"
    found = []
    for cue in re.finditer(rf"(?:^\d+\n)?^{time} --> {time}\n((?:.+\n)+)", subtitles, re.MULTILINE):
        h, m, s, ms, h2, m2, s2, ms2 = map(int, cue.groups()[:8])
        found.append((h * 3600 + m * 60 + s + ms / 1000, h2 * 3600 + m2 * 60 + s2 + ms2 / 1000, cue[9].splitlines()))
    return found


@pytest.mark.parametrize(("format", "point"), [("srt", ","), ("vtt", ".")])
@settings(max_examples=50, deadline=None)
@given(transcript=transcripts())
def test_subtitles_hold_every_word_once_in_order_and_fit(format, point, transcript):
    cues = parsed(to_format(transcript, format), point)
    texts = [html.unescape(" ".join(lines)) if format == "vtt" else " ".join(lines) for _, _, lines in cues]
    assert " ".join(texts).split() == transcript.text.split()
    before = 0.0
    for start, end, lines in cues:
        assert before <= start <= end
        before = end
        assert 1 <= len(lines) <= 2
        for line in lines:
            line = html.unescape(line) if format == "vtt" else line
            assert len(line) <= 42 or " " not in line


@settings(max_examples=50, deadline=None)
@given(transcript=transcripts())
def test_a_cue_is_longer_than_six_seconds_only_for_one_word(transcript):
    for start, end, lines in parsed(to_format(transcript, "srt"), ","):
        assert end - start <= 6.002 or len(" ".join(lines).split()) == 1


@settings(max_examples=50, deadline=None)
@given(transcript=transcripts())
def test_json_comes_back_as_it_was(transcript):
    assert Transcript.from_dict(json.loads(to_format(transcript, "json"))) == transcript


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=50, deadline=None)
@given(transcript=transcripts())
def test_every_format_ends_with_one_line_end_or_is_empty(format, transcript):
    text = to_format(transcript, format)
    assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")) or text == "WEBVTT\n"


def test_srt_worked_by_hand():
    assert to_format(HELLO, "srt") == ("1\n00:00:00,500 --> 00:00:02,000\nhello <big> world\n\n2\n01:01:01,000 --> 01:01:02,500\n& more\n")


def test_vtt_has_points_and_escapes():
    assert to_format(HELLO, "vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nhello &lt;big&gt; world\n\n01:01:01.000 --> 01:01:02.500\n&amp; more\n"
    )


def test_tsv_is_in_whole_milliseconds():
    assert to_format(HELLO, "tsv") == "start\tend\ttext\n500\t2000\thello <big> world\n3661000\t3662500\t& more\n"


def test_ctm_has_durations_and_leaves_out_what_is_not_known():
    assert to_format(HELLO, "ctm", name="my talk") == (
        "my_talk 1 0.500 0.400 hello 0.980\nmy_talk 1 1.000 0.200 <big> 0.500\nmy_talk 1 1.250 0.750 world\n"
        "my_talk 1 3661.000 0.100 & 1.000\nmy_talk 1 3661.200 1.300 more 0.000\n"
    )


def test_txt_is_a_line_a_segment():
    assert to_format(HELLO, "txt") == "hello <big> world\n& more\n"


def test_json_has_its_stable_keys():
    values = json.loads(to_format(HELLO, "json"))
    assert list(values) == ["text", "duration", "language", "segments"]
    assert list(values["segments"][0]) == ["start", "end", "text", "words"]
    assert values["segments"][0]["words"][0] == {"text": "hello", "start": 0.5, "end": 0.9, "confidence": 0.98}
    assert values["segments"][0]["words"][2]["confidence"] is None
    assert "ü" in to_format(Transcript("ü", (), 1.0), "json")


def test_silence_is_an_empty_file_of_each_format():
    silence = Transcript("", (), 10.0)
    assert {format: to_format(silence, format) for format in ("txt", "srt", "vtt", "tsv", "ctm")} == {
        "txt": "",
        "srt": "",
        "vtt": "WEBVTT\n",
        "tsv": "start\tend\ttext\n",
        "ctm": "",
    }


def segment_of(*words: Word) -> Transcript:
    return Transcript("", (Segment("", words[0].start, words[-1].end, words),), words[-1].end)


def test_a_pause_begins_a_new_cue():
    words = [Word("a", 0.0, 0.5), Word("b", 1.0, 1.5), Word("c", 2.5, 3.0)]
    assert [cue[2] for cue in parsed(to_format(segment_of(*words), "srt"), ",")] == [["a b"], ["c"]]


def test_two_lines_are_about_as_long_as_each_other():
    words = [Word("abcd", i * 0.2, i * 0.2 + 0.1) for i in range(10)]  # 49 signs
    assert [cue[2] for cue in parsed(to_format(segment_of(*words), "srt"), ",")] == [["abcd abcd abcd abcd abcd"] * 2]


def test_a_short_cue_stays_a_second_if_the_next_leaves_it_the_time():
    spoken = segment_of(Word("a", 0.0, 0.1), Word("b", 0.8, 0.9), Word("c", 5.0, 5.1))
    spoken = Transcript("", spoken.segments, 5.5)
    assert [cue[:2] for cue in parsed(to_format(spoken, "srt"), ",")] == [(0.0, 0.8), (0.8, 1.8), (5.0, 5.5)]


def test_words_that_overlap_do_not_make_cues_that_do():
    words = (Word("a" * 40, 0.0, 2.0), Word("b" * 40, 1.0, 3.0), Word("c" * 40, 1.5, 4.0))
    cues = parsed(to_format(segment_of(*words), "srt"), ",")
    assert [cue[:2] for cue in cues] == [(0.0, 1.5), (1.5, 4.0)]


def test_segments_out_of_order_do_not_make_cues_that_run_backwards():
    late, early = Segment("a", 5.0, 6.0, (Word("a", 5.0, 6.0),)), Segment("b", 1.0, 2.0, (Word("b", 1.0, 2.0),))
    cues = parsed(to_format(Transcript("a b", (late, early), 8.0), "srt"), ",")
    assert [cue[0] for cue in cues] == sorted(cue[0] for cue in cues)
    assert cues[0][1] <= cues[1][0]


def test_words_without_times_share_the_time_of_their_segment():
    transcript = Transcript("aa bbbb", (Segment("aa bbbb", 1.0, 4.0),), 5.0)
    assert to_format(transcript, "ctm") == "audio 1 1.000 1.000 aa\naudio 1 2.000 2.000 bbbb\n"


def test_the_words_of_a_transcript_are_those_of_its_segments():
    assert [word.text for word in HELLO.words] == ["hello", "<big>", "world", "&", "more"]


@pytest.mark.parametrize(("start", "end"), [(1.0, 0.5), (-0.1, 1.0), (0.0, float("inf")), (float("nan"), 1.0), (0.0, float("nan"))])
def test_impossible_times_are_refused_with_the_word(start, end):
    with pytest.raises(TympanError, match=r"'hello' lies between"):
        Word("hello", start, end)
    with pytest.raises(TympanError, match=r"'hello' lies between"):
        Segment("hello", start, end)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, 31.55, float("nan")])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(TympanError, match="between 0 and 1"):
        Word("hello", 0, 1, confidence)


def test_an_unknown_format_is_answered_with_those_there_are():
    with pytest.raises(TympanError, match=r"no format 'docx'.*txt, json, srt, vtt, tsv, ctm"):
        to_format(HELLO, "docx")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "'segments' is missing"),
        ({"segments": [{}], "text": "", "duration": 1}, "'text' is missing"),
        ({"segments": 3, "text": "", "duration": 1}, "no transcript"),
        ({"segments": [], "text": "", "duration": "long"}, "no transcript"),
        ([], "no transcript"),
        ({"segments": [{"text": "a", "start": 2, "end": 1}], "text": "a", "duration": 1}, "lies between 2.0 s and 1.0 s"),
    ],
)
def test_what_is_no_transcript_is_refused(values, message):
    with pytest.raises(TympanError, match=message):
        Transcript.from_dict(values)


def test_keys_of_a_later_version_are_passed_over():
    values = {**HELLO.to_dict(), "speakers": ["s1"]}
    assert Transcript.from_dict(values) == HELLO


def test_the_vocabulary_needs_no_numpy():
    code = "import sys, tympan.transcript, tympan.scoring; print([m for m in ('numpy', 'rapidfuzz') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
