"""Chunks are short where speech begins, whatever the packets, and streams whose chunks differ are heard together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streams import RATE, packets, recognizer_of, said, silence
from tympan.recognizer import Recognizer
from tympan.streaming import Chunks, Stream, StreamOptions, hearing_of

SHORT, LONG = 8, 32  # encoded frames of 10 ms


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return recognizer_of(tmp_path_factory.mktemp("tones"))


def sizes(recognizer: Recognizer, samples: np.ndarray, cuts: Sequence[int] = (1600,), options: StreamOptions | None = None) -> list[int]:
    """Of the chunks in which it is heard."""
    stream = recognizer.stream(options or StreamOptions(first_chunk_s=0.08))
    assert isinstance(stream, Stream)
    found = []
    for packet in packets(samples, cuts):
        stream.push(packet, RATE)
        while (work := stream.take()) is not None:
            found.append(work.size)
            stream.put(work, stream.kind.encode([(stream.hearing, work)])[0])
    return found


def test_speech_begins_with_short_chunks_until_a_word_is_shown(recognizer: Recognizer) -> None:
    found = sizes(recognizer, np.concatenate([silence(1.0), said("bad cab", 2.0, "fed", 1.0)]))
    assert found[:3] == [LONG] * 3, "silence"
    first = found.index(SHORT)
    known = found.index(LONG, first)
    assert 2 <= known - first <= 8 and found[known : known + 3] == [LONG] * 3, "words are known"
    assert SHORT in found[known:], "the next piece begins"
    assert found[-2:] == [LONG] * 2, "silence"


@pytest.mark.parametrize("cuts", [(1,), (16_000,), (77, 5_000), (1_000_000,)])
def test_lengths_of_chunks_do_not_depend_on_packets(recognizer: Recognizer, cuts: tuple[int, ...]) -> None:
    samples = said(0.4, "bad cab", 0.7, "fed", 0.1)
    assert sizes(recognizer, samples, cuts) == sizes(recognizer, samples)


@pytest.mark.parametrize(
    "options", [StreamOptions(partials=False, first_chunk_s=0.08), StreamOptions(first_chunk_s=0.32), StreamOptions(first_chunk_s=5.0)]
)
def test_without_partials_or_by_option_all_chunks_are_alike(recognizer: Recognizer, options: StreamOptions) -> None:
    assert set(sizes(recognizer, said(0.4, "bad cab", 0.7, "fed"), options=options)) == {LONG}


def test_first_chunk_is_the_sooner_shown(recognizer: Recognizer) -> None:
    def shown(first_chunk_s: float) -> int:
        stream = recognizer.stream(StreamOptions(first_chunk_s=first_chunk_s))
        for count, packet in enumerate(packets(said(0.1, "bad cab", 1.0), (160,))):
            stream.accept(packet, RATE)
            if stream.partial().text:
                return count
        raise AssertionError("nothing was shown")

    assert shown(0.08) <= shown(0.32) - 8


def test_chunks_of_several_lengths_are_heard_together_as_alone(recognizer: Recognizer) -> None:
    options = StreamOptions(first_chunk_s=0.08)
    kind = hearing_of(recognizer, options)
    assert isinstance(kind, Chunks)
    talks = [said("bad"), silence(1.0), said("cab fed"), silence(0.5)]

    def items() -> list:
        hearings = [kind.open() for _ in talks]
        for hearing, talk in zip(hearings, talks, strict=True):
            hearing.accept(talk, RATE)
        return [(hearing, hearing.take(-45.0)) for hearing in hearings]

    together = items()
    assert [work.size for _, work in together] == [SHORT, LONG, SHORT, LONG]
    for one, row in zip(items(), kind.encode(together), strict=True):
        (alone,) = kind.encode([one])
        assert len(row) == one[1].size and np.array_equal(alone, row)
