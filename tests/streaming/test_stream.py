"""A stream depends on its audio alone, ends its pieces where people pause, and never takes back what is stable."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import RATE, heard, packets, recognizer_of, said, silence
from tympan.errors import AudioError, TympanError
from tympan.recognizer import Recognizer
from tympan.streaming import Stream, StreamOptions

TALK = ("bad cab", 1.0, "fed a egg", 0.9, "bag bad")


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return recognizer_of(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return recognizer_of(tmp_path_factory.mktemp("windows"), chunked=False)


@pytest.fixture(scope="module", params=["chunks", "windows", "greedy"])
def any_recognizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    folder = tmp_path_factory.mktemp(request.param)
    return recognizer_of(folder, chunked=request.param != "windows", scorer=request.param != "greedy")


def test_words_come_with_absolute_times_and_the_reason_of_their_end(any_recognizer: Recognizer) -> None:
    finals, transcript = heard(any_recognizer, said(0.5, *TALK))
    assert [(final.segment.text, final.reason) for final in finals] == [
        ("bad cab", "endpoint"),
        ("fed a egg", "endpoint"),
        ("bag bad", "finish"),
    ]
    assert [final.number for final in finals] == [0, 1, 2]
    assert transcript.text == "bad cab fed a egg bag bad" and transcript.segments == tuple(final.segment for final in finals)
    if any_recognizer.scorer is None:
        return  # greedily, without spaces at pauses, the pieces' words would be one
    whole = any_recognizer.transcribe(said(0.5, *TALK), RATE)
    for ours, theirs in zip((word for segment in transcript.segments for word in segment.words), whole.segments[0].words, strict=True):
        assert ours.text == theirs.text
        assert ours.start == pytest.approx(theirs.start, abs=0.021) and ours.end == pytest.approx(theirs.end, abs=0.021)
    assert transcript.duration == pytest.approx(len(said(0.5, *TALK)) / RATE)


@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(1, 160_000), min_size=1, max_size=6))
def test_cuts_change_nothing(any_recognizer: Recognizer, sizes: list[int]) -> None:
    samples = said(0.2, *TALK)
    assert heard(any_recognizer, samples, sizes) == heard(any_recognizer, samples, [len(samples)])


def test_packets_of_one_sample_change_nothing(recognizer: Recognizer) -> None:
    samples = said("bad", 0.1)
    assert heard(recognizer, samples, [1]) == heard(recognizer, samples, [len(samples)])


def test_other_rates_are_resampled_whatever_the_cuts(recognizer: Recognizer) -> None:
    import soxr

    samples = soxr.resample(said(0.3, *TALK), RATE, 44_100)
    found = []
    for sizes in ([441], [7, 100_000], [len(samples)]):
        stream = recognizer.stream()
        for packet in packets(samples, sizes):
            stream.accept(packet, 44_100)
        found.append(stream.finish())
    assert found[0].text == "bad cab fed a egg bag bad" and found[0] == found[1] == found[2]
    assert found[0].duration == pytest.approx(len(samples) / 44_100)


def test_integers_channels_and_empty_packets_are_taken(recognizer: Recognizer) -> None:
    samples = said(0.2, "bad cab")
    stream = recognizer.stream()
    stream.accept(np.zeros(0, np.float32), RATE)
    stream.accept((np.stack((samples, samples), axis=1) * 32767).astype(np.int16))
    assert stream.finish().text == "bad cab"


@pytest.mark.parametrize(
    ("packet", "rate", "message"),
    [
        (np.zeros(3, np.int64), RATE, "takes samples"),
        (np.zeros((2, 2, 2), np.float32), RATE, "takes samples"),
        (np.array([0.0, np.nan]), RATE, "NaN or infinite"),
        (np.zeros(3, np.float32), 48_000, "goes on at 48000 Hz"),
        (np.zeros(3, np.float32), 7, "sample rate of 7 Hz"),
    ],
)
def test_what_is_no_audio_is_refused_and_the_stream_goes_on(recognizer: Recognizer, packet: np.ndarray, rate: int, message: str) -> None:
    stream = recognizer.stream()
    stream.accept(said("bad"), RATE)
    with pytest.raises(AudioError, match=message):
        stream.accept(packet, rate)
    stream.accept(said(" cab"), RATE)
    assert stream.finish().text == "bad cab"


def test_finished_stream_takes_no_more(any_recognizer: Recognizer) -> None:
    stream = any_recognizer.stream()
    assert stream.finish().text == ""
    for call in (stream.finish, stream.flush, lambda: stream.accept(silence(0.1), RATE)):
        with pytest.raises(TympanError, match="is finished"):
            call()


def test_flush_gives_the_piece_at_once_and_the_stream_goes_on(any_recognizer: Recognizer) -> None:
    stream = any_recognizer.stream()
    stream.accept(said(0.2, "bad"), RATE)
    stream.flush()
    (first,) = stream.finals()
    assert (first.segment.text, first.reason) == ("bad", "flush")
    before = stream.seconds
    stream.accept(said("cab"), RATE)
    transcript = stream.finish()
    assert transcript.text == "bad cab"
    assert transcript.segments[1].start >= before - 0.02


def test_silence_gives_no_finals_however_long(any_recognizer: Recognizer) -> None:
    finals, transcript = heard(any_recognizer, silence(30.0))
    assert finals == [] and transcript.text == ""


@pytest.mark.parametrize("stable_s", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("first_chunk_s", [0.08, 0.32])
def test_long_pieces_are_cut_in_a_pause_and_no_word_is(recognizer: Recognizer, stable_s: float, first_chunk_s: float) -> None:
    """Nor is one heard twice that was stable before the cut, and comes after it."""
    words, options = ["bad cab", 0.3, "fed egg", 0.35] * 12, StreamOptions(longest_s=6.0, stable_s=stable_s, first_chunk_s=first_chunk_s)
    finals, transcript = heard(recognizer, said(*words), options=options)
    assert transcript.text == " ".join(["bad cab fed egg"] * 12)
    assert len(finals) > 2 and {final.reason for final in finals[:-1]} == {"max_length"}
    assert max(final.segment.end - final.segment.start for final in finals) <= 6.0


def test_stable_words_that_come_after_a_cut_are_shown_on(recognizer: Recognizer) -> None:
    stream, shown, done = recognizer.stream(StreamOptions(longest_s=6.0, stable_s=0.3)), "", ""
    carried = 0
    for packet in packets(said(*["bad cab", 0.3, "fed egg", 0.35] * 12), [1600]):
        stream.accept(packet, RATE)
        finals, partial = stream.finals(), stream.partial()
        done += "".join(f"{final.segment.text} " for final in finals)
        stable = done + "".join(f"{word} " for word in partial.text.split()[: partial.stable])
        assert stable.startswith(shown), "never taken back, not by a cut either"
        carried += bool(finals) * partial.stable
        shown = stable
    assert carried, "else nothing was tried"


def test_partials_grow_and_their_stable_words_never_change(any_recognizer: Recognizer) -> None:
    samples, stream = said(0.3, "bad cab fed a egg bag", 0.2, "bad cab fed a egg", 2.5), any_recognizer.stream(StreamOptions(stable_s=0.5))
    stable: list[str] = []
    most = 0
    for packet in packets(samples, [1600]):
        stream.accept(packet, RATE)
        partial = stream.partial()
        words = partial.text.split()
        if finals := stream.finals():
            assert finals[0].segment.text.split()[: len(stable)] == stable
            break
        assert words[: len(stable)] == stable and partial.stable >= len(stable)
        stable = words[: partial.stable]
        most = max(most, len(stable))
        assert 0 <= partial.start <= partial.end <= stream.seconds + 0.021
    assert most >= 4 and finals


def test_without_partials_the_same_is_found(recognizer: Recognizer) -> None:
    """By chunks of one length, as those are that nobody waits for."""
    without, alike = StreamOptions(partials=False), StreamOptions(first_chunk_s=StreamOptions.chunk_s)
    assert heard(recognizer, said(*TALK), options=without) == heard(recognizer, said(*TALK), options=alike)


def test_hot_words_that_fire_are_counted(tmp_path: Path) -> None:
    recognizer = recognizer_of(tmp_path, hot_words={"bad": 3.0, "gab": 3.0})
    assert heard(recognizer, said("bad cab", 1.0, "bad"))[1].hot_words == {"bad": 2, "gab": 0}


def test_thousandth_chunk_costs_no_more_search_than_the_second(recognizer: Recognizer) -> None:
    """Counted in extensions of hypotheses: the cost of a chunk does not depend on what came before."""
    stream = recognizer.stream(StreamOptions(longest_s=60.0), keep=False)
    assert isinstance(stream, Stream) and stream.writing.search is not None
    turn = said("bad cab fed", 0.1)
    costs = []
    for _ in range(300):
        before = stream.writing.search.search_steps
        stream.accept(turn, RATE)
        costs.append(stream.writing.search.search_steps - before)
        stream.finals()
    early, late = max(costs[1:20]), max(costs[-20:])
    assert 0 < late <= 1.5 * early


@pytest.mark.parametrize("chunked", [True, pytest.param(False, marks=pytest.mark.long)], ids=["chunks", "windows"])
def test_3600th_chunk_costs_what_the_first_did(recognizer: Recognizer, windowed: Recognizer, chunked: bool) -> None:
    """In search and in network, counted in extensions of hypotheses and in frames; of a talk that says the same again and again."""
    alike = StreamOptions(first_chunk_s=StreamOptions.chunk_s)
    stream = (recognizer if chunked else windowed).stream(alike, keep=False)
    assert isinstance(stream, Stream) and stream.writing.search is not None
    step = stream.kind.sizes[0] * RATE // 100
    turn = said("bad cab fed", 0.3, "a egg", 1.0)
    turn = np.concatenate([turn, silence(-len(turn) % step / RATE)])
    costs: list[tuple[int, int]] = []
    while len(costs) < 3600:
        stream.push(turn, RATE)
        while (work := stream.take()) is not None:
            before = stream.writing.search.search_steps
            stream.put(work, stream.kind.encode([(stream.hearing, work)])[0])
            costs.append((stream.writing.search.search_steps - before, len(work.features)))
        assert stream.finals() or len(costs) < 5
    period = len(turn) // step
    early, late = (np.array(part) for part in (costs[period : 2 * period], costs[-period:]))
    assert early[:, 0].max() > 0
    assert late.max(axis=0) == pytest.approx(early.max(axis=0), rel=0.05)
    assert late.sum(axis=0) == pytest.approx(early.sum(axis=0), rel=0.05)


def test_stream_of_one_piece_is_the_whole(any_recognizer: Recognizer) -> None:
    """Words, times and confidences, where the network hears the same in both: ours sees nothing beyond a frame."""
    samples = said(0.4, "bad cab", 0.3, "fed a egg bag", 0.4)
    finals, transcript = heard(any_recognizer, samples)
    whole = any_recognizer.transcribe(samples, RATE)
    assert len(finals) == 1 and transcript.text == whole.text and len(whole.words) > 1
    for ours, theirs in zip(transcript.words, whole.words, strict=True):
        assert (ours.text, ours.start, ours.end) == (theirs.text, theirs.start, theirs.end)
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-6)


def test_streams_leave_no_memory_behind(recognizer: Recognizer) -> None:
    packet = said("bad")

    def run(count: int) -> None:
        for _ in range(count):
            stream = recognizer.stream()
            stream.accept(packet, RATE)
            stream.partial()
            gone = weakref.ref(stream)
            del stream
            assert gone() is None  # at once, without the garbage collector

    run(20)
    gc.collect()
    tracemalloc.start()
    run(30)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    run(300)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk_s": 0.0}, "chunk_s is 0.0"),
        ({"endpoint_s": float("nan")}, "endpoint_s is nan"),
        ({"longest_s": 1e9}, "longest_s is"),
        ({"stable_s": -1.0, "nothing_s": 0.0}, "nothing_s is 0.0.*stable_s is -1.0"),
    ],
)
def test_impossible_options_are_named(options: dict[str, float], message: str) -> None:
    with pytest.raises(TympanError, match=message):
        StreamOptions(**options)  # type: ignore[arg-type]


def test_models_say_how_they_stream(recognizer: Recognizer, windowed: Recognizer) -> None:
    assert (recognizer.streams, windowed.streams) == ("chunks", "windows")
