"""tympan.streaming.second_pass: finals as of files, behind partials as of streams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import RATE, heard, packets, recognizer_of, said
from tympan.recognizer import Recognizer
from tympan.streaming import Stream, StreamOptions

TALK = ("bad cab", 1.0, "fed a egg", 0.9, "bag bad")
TWICE = StreamOptions(second_pass=True)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return recognizer_of(tmp_path_factory.mktemp("twice"))


def test_each_piece_is_heard_whole_when_it_ends(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted, emit = [], recognizer.engine.emit
    monkeypatch.setattr(recognizer.engine, "emit", lambda features: emitted.append(features) or emit(features))
    samples = said(0.5, *TALK)
    finals, _ = heard(recognizer, samples, options=TWICE)
    assert [(final.segment.text, final.reason) for final in finals] == [
        ("bad cab", "endpoint"),
        ("fed a egg", "endpoint"),
        ("bag bad", "finish"),
    ]
    pieces = list(emitted)
    assert len(pieces) == 3
    whole = recognizer.normalization(recognizer.extractor(samples))
    np.testing.assert_allclose(np.concatenate(pieces)[: len(whole)], whole, atol=1e-5)  # nothing is lost between pieces, or heard twice
    once, _ = heard(recognizer, samples)
    for ours, theirs in zip(finals, once, strict=True):
        assert [word.text for word in ours.segment.words] == [word.text for word in theirs.segment.words]
        for mine, word in zip(ours.segment.words, theirs.segment.words, strict=True):
            assert mine.start == pytest.approx(word.start, abs=0.021) and mine.end == pytest.approx(word.end, abs=0.021)


def test_the_final_is_what_the_whole_network_says(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it says otherwise than chunk by chunk, as it hears more."""
    emit, other = recognizer.engine.emit, recognizer.normalization(recognizer.extractor(said("egg", 0.3)))
    monkeypatch.setattr(recognizer.engine, "emit", lambda features: emit(other))
    stream = recognizer.stream(TWICE)
    partials = []
    for packet in packets(said("bad cab", 0.4), [1600]):
        stream.accept(packet, RATE)
        partials.append(stream.partial())
    assert any(partial.text == "bad cab" for partial in partials) and all(partial.stable == 0 for partial in partials)
    assert stream.finish().text == "egg"


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 160_000), min_size=1, max_size=6))
def test_cuts_change_nothing(recognizer: Recognizer, sizes: list[int]) -> None:
    samples = said(0.2, *TALK)
    assert heard(recognizer, samples, sizes, TWICE) == heard(recognizer, samples, options=TWICE)


def test_a_piece_that_is_cut_for_its_length_gives_the_rest_to_the_next(recognizer: Recognizer) -> None:
    samples = said("bad cab", 0.35, "fed a egg", 0.3, "bag bad", 0.35, "cab")
    finals, transcript = heard(recognizer, samples, options=StreamOptions(second_pass=True, longest_s=2.0))
    assert "max_length" in [final.reason for final in finals] and transcript.text == "bad cab fed a egg bag bad cab"


def test_what_was_heard_is_not_kept(recognizer: Recognizer) -> None:
    stream = recognizer.stream(TWICE, keep=False)
    assert isinstance(stream, Stream) and stream.again is not None
    most = 0
    for _ in range(4):
        for packet in packets(said(*TALK, 3.0), [1600]):
            stream.accept(packet, RATE)
            most = max(most, sum(map(len, stream.again.hearing.front.kept or ())))
    assert 100 < most < 600  # of the longest piece, frames of 10 ms
    stream.flush()
    assert not stream.again.hearing.front.kept


def test_models_that_hear_windows_have_one_pass(tmp_path_factory: pytest.TempPathFactory) -> None:
    recognizer = recognizer_of(tmp_path_factory.mktemp("windows"), chunked=False)
    samples = said(0.5, *TALK)
    assert heard(recognizer, samples, options=TWICE) == heard(recognizer, samples)
