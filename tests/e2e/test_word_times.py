"""Words lie where they were said: on clips whose places are known, by every way of hearing, for every kind of tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams import RATE, Samples, packets, silence
from toy_models import PAUSE_S, TONE_S, make_bundle, make_scorer, speak, tone
from tympan.bundle import Bundle
from tympan.decoding import SearchOptions
from tympan.lm import Scorer
from tympan.recognizer import Recognizer
from tympan.streaming import PieceStream, StreamOptions
from tympan.transcript import Word

KINDS: dict[str, tuple[Any, dict[str, list[str]]]] = {
    "characters": (" acdgkost", {"cat": [], "dog": [], "sat": []}),
    "pieces": (["▁c", "▁d", "▁k", "▁s", "▁t", "at", "og"], {"cat": ["▁c at"], "dog": ["▁d og"], "sat": ["▁s at"]}),
    "phones": (["AA", "AE", "AO", "D", "G", "K", "S", "T"], {"cat": ["K AE T"], "dog": ["D AA G"], "sat": ["S AE T"]}),
}
# Seconds of silence before each word: a first one that is late, words of one piece, pieces, and more than a piece of nothing.
PLAN = ((3.07, "cat"), (0.3, "dog"), (0.11, "sat"), (1.53, "dog"), (0.45, "cat"), (24.02, "sat"), (0.2, "dog"), (2.6, "cat"))
NEAR_S = 0.03  # a window of 25 ms sees a tone so much early or late, and frames are 10 ms apart


@dataclass(frozen=True)
class Talk:
    """A recording whose words have known places.

    Attributes:
        bundle, scorer: what hears it.
        samples: at `RATE`.
        places: text, start and end of each word, seconds.
    """

    bundle: Bundle
    scorer: Scorer
    samples: Samples
    places: list[tuple[str, float, float]]

    def load(self, **options: Any) -> Recognizer:
        return Recognizer(self.bundle, threads=1, scorer=self.scorer, **options)


def make_talk(folder: Path, kind: str, *, chunked: bool = True) -> Talk:
    symbols, words = KINDS[kind]
    bundle = make_bundle(folder / f"{kind}.tympan", list(symbols), kind, chunked=chunked)
    scorer = make_scorer(folder / "words.scorer", bundle.tokens, words)
    parts: list[Samples] = []
    places = []
    for pause_s, word in PLAN:
        spelled = words[word][0] if kind == "phones" else word
        parts += [silence(pause_s), speak(bundle.tokens, spelled)]
        start = (sum(map(len, parts)) - len(parts[-1])) / RATE + 2 * PAUSE_S
        tokens = len(bundle.tokens.encode(spelled))
        places.append((word, start, start + tokens * (TONE_S + PAUSE_S) - PAUSE_S))
        if bundle.tokens.separator is not None:
            parts.append(tone(bundle.tokens.separator))
    return Talk(bundle, scorer, np.concatenate([*parts, silence(0.4)]), places)


@pytest.fixture(scope="module", params=list(KINDS))
def talk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return make_talk(tmp_path_factory.mktemp(request.param), request.param)


def whole(talk: Talk) -> tuple[Word, ...]:
    return talk.load().transcribe(talk.samples, RATE).words


def streamed(talk: Talk) -> tuple[Word, ...]:
    stream = talk.load().stream()
    for packet in packets(talk.samples, [1600]):
        stream.accept(packet, RATE)
    return stream.finish().words


def in_windows(talk: Talk) -> tuple[Word, ...]:
    return streamed(make_talk(talk.bundle.path.parent, talk.bundle.tokens.kind, chunked=False))


def by_loudness(talk: Talk) -> tuple[Word, ...]:
    """As models without log_probs by frames are streamed: a detector of voice says where pieces begin and end."""
    stream = PieceStream(talk.load(), StreamOptions())
    stream.accept(talk.samples, RATE)
    return stream.finish().words


def flushed(talk: Talk) -> tuple[Word, ...]:
    """Finals asked for in silences, at another rate, which begins anew each time."""
    import soxr

    stream = talk.load().stream()
    for packet in packets(soxr.resample(talk.samples, RATE, 44_100), [44_100 * 3]):
        stream.accept(packet, 44_100)
        if not np.abs(packet[-6_000:]).max() > 0.01:
            stream.flush()
    return stream.finish().words


@pytest.mark.parametrize("way", [whole, streamed, in_windows, by_loudness, flushed])
def test_words_lie_where_they_were_said_by_every_way_of_hearing(talk: Talk, way: Callable[[Talk], tuple[Word, ...]]) -> None:
    words = way(talk)
    assert [word.text for word in words] == [text for text, _, _ in talk.places]
    late = [(word.start - start, word.end - end) for word, (_, start, end) in zip(words, talk.places, strict=True)]
    assert np.abs(late).max() < NEAR_S, late
    assert np.abs(np.mean(late)) < 0.01, "all are late or early"
    edges = [0.0, *(edge for word in words for edge in (word.start, word.end)), len(talk.samples) / RATE]
    assert edges == sorted(edges) and all(word.start < word.end for word in words)


@pytest.mark.parametrize(
    "options",
    [
        {"search": SearchOptions(beam_size=5)},
        {"search": SearchOptions(beam_threshold=50.0, token_min_log_prob=-30.0)},
        {"lm_weight": 0.3, "word_score": 1.0},
        {"hot_words": {"dog": 3.0, "cat dog": 2.0}},
    ],
    ids=["beam", "pruning", "weights", "hot words"],
)
def test_times_of_a_stream_do_not_move_with_beam_hot_words_or_language_model(talk: Talk, options: dict[str, Any]) -> None:
    found = []
    for recognizer in (talk.load(), talk.load(**options)):
        stream = recognizer.stream()
        stream.accept(talk.samples, RATE)
        found.append(stream.finish().words)
    assert found[0] == found[1] and len(found[0]) == len(PLAN)
