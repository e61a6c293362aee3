"""Models without log_probs by frames are transcribed piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams import RATE, heard, packets, recognizer_of, said, silence
from tympan.recognizer import Recognizer
from tympan.streaming import PieceStream, StreamOptions


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return recognizer_of(tmp_path_factory.mktemp("pieces"))


def stream_of(recognizer: Recognizer, **options: float) -> PieceStream:
    return PieceStream(recognizer, StreamOptions(**options))  # type: ignore[arg-type]


def texts(stream: PieceStream, samples: object, sizes: list[int]) -> list[tuple[str, str, float, float]]:
    found = []
    for packet in packets(samples, sizes):  # type: ignore[arg-type]
        stream.accept(packet, RATE)
        found += stream.finals()
    stream.finish()
    return [(each.segment.text, each.reason, each.segment.start, each.segment.end) for each in (*found, *stream.finals())]


def test_pieces_end_at_pauses_whatever_the_cuts(recognizer: Recognizer) -> None:
    samples = said(1.0, "bad cab", 1.0, "fed a egg", 0.9, "bag bad")
    found = texts(stream_of(recognizer), samples, [1600])
    assert [each[:2] for each in found] == [("bad cab", "endpoint"), ("fed a egg", "endpoint"), ("bag bad", "finish")]
    whole = recognizer.transcribe(samples, RATE).segments[0].words
    assert [each[2] for each in found] == pytest.approx([whole[index].start for index in (0, 2, 5)], abs=0.03)
    assert found == texts(stream_of(recognizer), samples, [1, 7, 50_000]) == texts(stream_of(recognizer), samples, [len(samples)])


def test_partials_are_transcribed_again_each_second_and_none_of_their_words_is_stable(recognizer: Recognizer) -> None:
    stream, seen = stream_of(recognizer), []
    for packet in packets(said(0.5, "bad cab fed a egg bag bad cab fed"), [1600]):
        stream.accept(packet, RATE)
        if (partial := stream.partial()).text and partial.text not in seen:
            seen.append(partial.text)
            assert partial.stable == 0
    assert 2 <= len(seen) <= 4 and stream.finish().text.startswith(seen[0])


def test_long_pieces_are_cut_and_silence_gives_nothing(recognizer: Recognizer) -> None:
    found = texts(stream_of(recognizer, longest_s=2.0), said(0.5, "bad cab fed a egg bag bad cab fed a"), [1600])
    assert [each[1] for each in found[:-1]] == ["max_length"] * (len(found) - 1) and len(found) > 1
    assert texts(stream_of(recognizer), silence(20.0), [1600]) == []


def test_flush_and_a_recording_that_is_too_short_to_tell(recognizer: Recognizer) -> None:
    stream = stream_of(recognizer)
    stream.accept(said("bad"), RATE)
    stream.flush()
    assert [each.reason for each in stream.finals()] == ["flush"]
    stream.accept(said("a")[:800], RATE)
    assert stream.finish().duration == pytest.approx((len(said("bad")) + 800) / RATE)


def test_recognisers_of_other_families_stream_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = recognizer_of(tmp_path)
    monkeypatch.setattr("tympan.streaming.CTCEngine", int)  # as if the engine were none of CTC
    assert recognizer.streams == "pieces" and isinstance(recognizer.stream(), PieceStream)
    assert heard(recognizer, said("bad cab"))[1].text == "bad cab"
