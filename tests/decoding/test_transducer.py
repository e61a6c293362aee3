"""Transducer searches against the sum over all alignments of all texts, on networks that are tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.decoding import TransducerDecoder, WordFusion, transducer_greedy
from tympan.errors import ShapeError, TokenError
from tympan.lm import Scorer
from tympan.tokens import TokenTable

TABLE = TokenTable(("<blank>", " ", "a", "b"))


class Tables:
    """Log-probabilities drawn anew for each text and frame: the hardest case, where nothing can be guessed from a neighbour."""

    def __init__(self, seed: int, num_tokens: int = len(TABLE), sharpness: float = 1.0) -> None:
        self.seed, self.num_tokens, self.sharpness = seed, num_tokens, sharpness
        self.texts: list[tuple[int, ...]] = []
        self.asked = 0

    def predict(self, tokens: Sequence[int], states: Sequence[tuple[int, ...] | None]) -> tuple[np.ndarray, list[tuple[int, ...]]]:
        after = [() if state is None else (*state, token) for token, state in zip(tokens, states, strict=True)]
        places = range(len(self.texts), len(self.texts) + len(after))
        self.texts += after
        return np.array(places, dtype=np.float32)[:, None], after

    def join(self, encoded: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        self.asked += 1
        return np.stack([self.row(int(encoded[0]), self.texts[int(place)]) for place in predicted[:, 0]])

    def row(self, frame: int, text: tuple[int, ...]) -> np.ndarray:
        logits = self.sharpness * np.random.default_rng([self.seed, frame, *text]).normal(size=self.num_tokens)
        return (logits - np.logaddexp.reduce(logits)).astype(np.float32)


def frames(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)[:, None]


def alignments(tables: Tables, text: tuple[int, ...], count: int, max_symbols: int) -> dict[tuple[int, ...], float]:
    """Frame of each token -> log-probability, for every alignment of a text."""
    found = {}
    for places in combinations_with_replacement(range(count), len(text)):
        if any(places.count(frame) > max_symbols for frame in places):
            continue
        score = sum(float(tables.row(frame, text[:place])[text[place]]) for place, frame in enumerate(places))
        score += sum(float(tables.row(frame, text[: sum(place <= frame for place in places)])[0]) for frame in range(count))
        found[places] = score
    return found


def all_texts(tables: Tables, count: int, max_symbols: int) -> dict[tuple[int, ...], dict[tuple[int, ...], float]]:
    texts = (text for length in range(count * max_symbols + 1) for text in product(range(1, tables.num_tokens), repeat=length))
    return {text: alignments(tables, text, count, max_symbols) for text in texts}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([(1, 3), (2, 2), (3, 1), (2, 1)]))
def test_without_pruning_the_beam_sums_every_alignment_of_every_text(seed: int, size: tuple[int, int]) -> None:
    tables = Tables(seed)
    exact = all_texts(tables, *size)
    decoder = TransducerDecoder(tables, TABLE, beam_size=10_000, beam_threshold=np.inf, expansion_threshold=np.inf, max_symbols=size[1])
    held = decoder.begin()
    for frame, heard in enumerate(frames(size[0])):
        held = decoder.step(held, heard, frame)
    assert {prefix.tokens for prefix in held} == set(exact)
    for prefix in held:
        ways = exact[prefix.tokens]
        assert prefix.acoustic == pytest.approx(np.logaddexp.reduce(list(ways.values())), abs=1e-9)
        assert prefix.path == pytest.approx(max(ways.values()), abs=1e-9)
        assert ways[prefix.timesteps] == pytest.approx(prefix.path, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_of_eight_finds_what_the_whole_search_finds(seed: int) -> None:
    tables = Tables(seed, sharpness=3.0)
    exact = {text: np.logaddexp.reduce(list(ways.values())) for text, ways in all_texts(tables, 3, 1).items()}
    best = max(exact, key=lambda text: exact[text])
    found = TransducerDecoder(tables, TABLE, expansion_threshold=10.0, beam_threshold=30.0, max_symbols=1).decode(frames(3))[0]
    assert found.tokens == best


@pytest.mark.parametrize("seed", range(5))
def test_the_score_of_greedy_is_that_of_the_path_it_names(seed: int) -> None:
    tables = Tables(seed, sharpness=2.0)
    greedy = transducer_greedy(tables, frames(6), max_symbols=3)
    assert len(greedy.tokens) == len(greedy.timesteps) == len(greedy.ends) == len(greedy.token_log_probs)
    assert greedy.score == pytest.approx(alignments(tables, greedy.tokens, 6, 3)[greedy.timesteps], abs=1e-5)


def test_greedy_writes_at_most_max_symbols_a_frame() -> None:
    class Endless(Tables):
        def row(self, frame: int, text: tuple[int, ...]) -> np.ndarray:
            return np.log(np.array([0.1, 0.1, 0.7, 0.1], dtype=np.float32))

    assert transducer_greedy(Endless(0), frames(2), max_symbols=3).tokens == (2,) * 6
    assert max(len(h.tokens) for h in TransducerDecoder(Endless(0), TABLE, max_symbols=3).decode(frames(2), nbest=8)) <= 6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), cuts=st.lists(st.integers(0, 8), max_size=4))
def test_chunks_give_what_the_whole_gives(seed: int, cuts: list[int]) -> None:
    tables = Tables(seed)
    decoder = TransducerDecoder(tables, TABLE, beam_size=3)
    stream = decoder.stream()
    for chunk in np.split(frames(8), sorted(cuts)):
        stream.feed(chunk)
        stream.peek()
    assert stream.finish(3) == decoder.decode(frames(8), 3)
    stream.reset()
    stream.feed(frames(8))
    assert stream.finish(3) == decoder.decode(frames(8), 3)


def test_no_frames_are_the_empty_text() -> None:
    assert transducer_greedy(Tables(0), frames(0)).tokens == ()
    (empty,) = TransducerDecoder(Tables(0), TABLE).decode(frames(0))
    assert empty.text == "" and empty.score == 0.0


def test_the_joiner_is_asked_once_a_frame_and_expansion_for_all_texts() -> None:
    tables = Tables(1)
    TransducerDecoder(tables, TABLE, beam_size=4, max_symbols=2).decode(frames(5))
    assert tables.asked <= 5 * 3


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    arpa = tmp_path / "words.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=5\nngram 2=2\n\n\\1-grams:\n-2\t<unk>\n-99\t<s>\t-0.5\n-1\t</s>\n-0.5\tab\t-0.25\n-1.5\tb\t-0.125\n"
        "\n\\2-grams:\n-0.3\t<s> ab\n-0.2\tab b\n\n\\end\\\n"
    )
    return Scorer.from_arpa(arpa, TABLE)


def test_words_are_scored_when_they_end_as_worked_by_hand(scorer: Scorer) -> None:
    class Says(Tables):
        """`ab b a`, a token a frame, then nothing, all certain."""

        def row(self, frame: int, text: tuple[int, ...]) -> np.ndarray:
            said = (2, 3, 1, 3, 1, 2)
            token = said[frame] if frame < len(said) and len(text) == frame else 0
            return np.log(np.where(np.arange(4) == token, 1.0, 1e-30)).astype(np.float32)

    decoder = TransducerDecoder(Says(0), TABLE, scorer, lm_weight=0.5, word_score=2.0, unknown_score=-3.0)
    best = decoder.decode(frames(7))[0]
    # <s> ab; ab b; b <unk> and <unk> </s>, backed off
    log10 = -0.3 - 0.2 + (-0.125 - 2) - 1
    assert best.text == "ab b a"
    assert best.lm_score == pytest.approx(log10 * np.log(10), abs=1e-5)
    assert best.score == pytest.approx(best.acoustic_score + 0.5 * log10 * np.log(10) + 3 * 2.0 - 3.0, abs=1e-5)
    assert best.timesteps == (0, 1, 2, 3, 4, 5)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_with_a_scorer_the_best_text_is_the_best_of_all_texts(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = scorer.__wrapped__(tmp_path_factory.mktemp("scorer"))  # type: ignore[attr-defined]
    tables = Tables(seed)
    options = {"beam_size": 10_000, "beam_threshold": np.inf, "expansion_threshold": np.inf, "max_symbols": 2}
    best = TransducerDecoder(tables, TABLE, own, 1.5, 0.5, unknown_score=-2.0, **options).decode(frames(2))[0]  # type: ignore[arg-type]
    known = {"ab", "b"}

    def score(text: tuple[int, ...], ways: dict[tuple[int, ...], float]) -> float:
        words = TABLE.decode(text).split()
        lm = own.ngram.score(" ".join(words)) * np.log(10)
        unknown = sum(word not in known for word in words)
        return float(np.logaddexp.reduce(list(ways.values())) + 1.5 * lm + 0.5 * len(words) - 2.0 * unknown)

    assert best.score == pytest.approx(max(score(text, ways) for text, ways in all_texts(tables, 2, 2).items()), abs=1e-4)


def test_word_pieces_end_a_word_where_the_next_begins(tmp_path: Path) -> None:
    arpa = tmp_path / "words.arpa"
    arpa.write_text("\\data\\\nngram 1=4\n\n\\1-grams:\n-2\t<unk>\n-99\t<s>\n-1\t</s>\n-0.5\tab\n\n\\end\\\n")
    table = TokenTable(("<blank>", "▁a", "b"), "pieces")
    fusion = WordFusion(table, Scorer.from_arpa(arpa, table, {"ab": [["▁a", "b"]]}))
    state = fusion.start()
    for token in (1, 2):
        state = fusion.add(state, token)
    assert state.words == ()
    assert fusion.add(state, 1).words == ("ab",)
    assert fusion.finish(state).lm_score == pytest.approx(-1.5 * np.log(10))


def test_a_scorer_needs_tokens_that_show_where_words_end(tmp_path: Path, scorer: Scorer) -> None:
    with pytest.raises(TokenError, match="other tokens"):
        TransducerDecoder(Tables(0), TokenTable(("<blank>", " ", "x", "y")), scorer)


def test_a_joiner_of_another_table_is_told() -> None:
    with pytest.raises(ShapeError, match="5 tokens, the token table has 4"):
        TransducerDecoder(Tables(0, 5), TABLE).decode(frames(1))


def test_a_damaged_network_is_told() -> None:
    class Damaged(Tables):
        def row(self, frame: int, text: tuple[int, ...]) -> np.ndarray:
            return np.full(4, np.nan, dtype=np.float32)

    for search in (transducer_greedy, lambda networks, encoded: TransducerDecoder(networks, TABLE).decode(encoded)):
        with pytest.raises(ShapeError, match="NaN"):
            search(Damaged(0), frames(1))


@pytest.mark.parametrize("options", [{"beam_size": 0}, {"max_symbols": 0}, {"beam_threshold": 0.0}, {"expansion_threshold": -1.0}])
def test_impossible_options_are_told_by_name(options: dict[str, float]) -> None:
    with pytest.raises(ShapeError, match=next(iter(options))):
        TransducerDecoder(Tables(0), TABLE, **options)  # type: ignore[arg-type]


def test_a_text_spelled_in_two_ways_comes_once() -> None:
    class Spaces(Tables):
        def row(self, frame: int, text: tuple[int, ...]) -> np.ndarray:
            return np.log(np.array([0.4, 0.4, 0.1, 0.1], dtype=np.float32))

    texts = [h.text for h in TransducerDecoder(Spaces(0), TABLE, beam_size=30).decode(frames(3), nbest=30)]
    assert len(texts) == len(set(texts))
