"""The attention beam against all texts of a tiny language, on networks that are tables; what keeps it from going in circles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement, groupby, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toy import emissions
from tympan.decoding import AttentionDecoder
from tympan.decoding.attention import frames_of_tokens, repeated
from tympan.decoding.ctc_prefix import NEVER
from tympan.errors import ShapeError, TokenError
from tympan.lm import Scorer
from tympan.tokens import TokenTable

TABLE = TokenTable(("<blank>", " ", "a", "b"))
OPEN: dict[str, Any] = {"beam_size": 10_000, "beam_threshold": np.inf, "edge_threshold": np.inf, "token_min_log_prob": -np.inf}


class Tables:
    """Log-probabilities and weights drawn anew for each text."""

    def __init__(self, seed: int, frames: int = 3, sharpness: float = 1.0) -> None:
        self.seed, self.frames, self.sharpness = seed, frames, sharpness
        self.asked: list[int] = []

    def step(self, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray, Any]:
        texts = [(() if state is None else (*state[row], token)) for token, row in zip(tokens, rows, strict=True)]
        self.asked.append(len(texts))
        return np.stack([self.row(text) for text in texts]), np.stack([self.looks(text) for text in texts]), texts

    def row(self, text: tuple[int, ...]) -> np.ndarray:
        logits = self.sharpness * np.random.default_rng([self.seed, 1, *text]).normal(size=len(TABLE))
        return (logits - np.logaddexp.reduce(logits)).astype(np.float32)

    def looks(self, text: tuple[int, ...]) -> np.ndarray:
        return np.random.default_rng([self.seed, 2, *text]).dirichlet(np.full(self.frames, 0.2)).astype(np.float32)

    def score(self, text: tuple[int, ...]) -> float:
        return sum(float(self.row(text[:place])[token]) for place, token in enumerate((*text, 0)))

    def covered(self, text: tuple[int, ...]) -> int:
        return int((sum(self.looks(text[:place]) for place in range(len(text) + 1)) > 0.5).sum())


class Says:
    """Certain of one text after another: `after` gives what follows a text, `at` where it looks."""

    def __init__(self, after: Any, at: Any, frames: int) -> None:
        self.after, self.at, self.frames = after, at, frames

    def step(self, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray, Any]:
        texts = [(() if state is None else (*state[row], token)) for token, row in zip(tokens, rows, strict=True)]
        weights = np.eye(self.frames, dtype=np.float32)[[min(self.at(text), self.frames - 1) for text in texts]]
        return np.log(np.stack([self.after(text) for text in texts]).astype(np.float32)), weights, texts


def all_texts(longest: int) -> list[tuple[int, ...]]:
    return [text for length in range(longest + 1) for text in product(range(1, len(TABLE)), repeat=length)]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), power=st.sampled_from([0.0, 0.6, 1.0]), weight=st.sampled_from([0.0, 0.7]))
def test_without_pruning_the_beam_is_the_search_of_all_texts(seed: int, power: float, weight: float) -> None:
    tables = Tables(seed)
    decoder = AttentionDecoder(TABLE, **OPEN, length_normalization=power, coverage_weight=weight, repeat_length=0, max_tokens_per_frame=1.0)
    total = {text: tables.score(text) + weight * tables.covered(text) for text in all_texts(3)}
    ranked = sorted(total, key=lambda text: -total[text] / (len(text) + 1) ** power)
    written = {}
    for text in ranked:
        written.setdefault(" ".join(TABLE.decode(text).split()), text)
    found = decoder.decode(tables, nbest=10_000)
    assert [hypothesis.tokens for hypothesis in found] == list(written.values())
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(total[hypothesis.tokens], abs=1e-5)
        assert hypothesis.acoustic_score == pytest.approx(tables.score(hypothesis.tokens), abs=1e-5)
        assert len(hypothesis.token_log_probs) == len(hypothesis.timesteps) == len(hypothesis.ends) == len(hypothesis.tokens)
    assert sum(hypothesis.posterior for hypothesis in found) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(6))
def test_with_ctc_the_beam_is_the_search_of_all_texts_by_both(seed: int) -> None:
    tables, log_probs = Tables(seed), emissions(seed, 4)
    paths = {path: sum(float(log_probs[t, token]) for t, token in enumerate(path)) for path in product(range(4), repeat=4)}

    def framewise(text: tuple[int, ...]) -> float:
        fitting = [score for path, score in paths.items() if tuple(token for token, _ in groupby(path) if token) == text]
        return float(np.logaddexp.reduce(fitting)) if fitting else NEVER

    options = {"ctc_weight": 0.4, "length_normalization": 0.0, "repeat_length": 0, "max_tokens_per_frame": 1.0}
    total = {text: 0.6 * tables.score(text) + 0.4 * framewise(text) for text in all_texts(3)}
    found = AttentionDecoder(TABLE, **OPEN, **options).decode(tables, 10_000, log_probs)
    assert [hypothesis.score for hypothesis in found] == pytest.approx([total[hypothesis.tokens] for hypothesis in found], abs=1e-4)
    assert found[0].score == pytest.approx(max(total.values()), abs=1e-4)
    narrow = AttentionDecoder(TABLE, **{**OPEN, "beam_size": 4}, **options).decode(tables, 4, log_probs)
    assert [hypothesis.score for hypothesis in narrow] == pytest.approx([total[hypothesis.tokens] for hypothesis in narrow], abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_of_eight_finds_what_the_whole_search_finds(seed: int) -> None:
    tables = Tables(seed, sharpness=3.0)
    whole = AttentionDecoder(TABLE, **OPEN, repeat_length=0, max_tokens_per_frame=1.0).decode(tables)[0]
    tables.asked.clear()
    small = {"edge_threshold": np.inf, "repeat_length": 0, "max_tokens_per_frame": 1.0}
    assert AttentionDecoder(TABLE, beam_threshold=30.0, token_min_log_prob=-30.0, **small).decode(tables)[0].tokens == whole.tokens
    assert max(tables.asked) <= 8 and len(tables.asked) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_the_greedy_text(seed: int) -> None:
    tables = Tables(seed, frames=20, sharpness=2.0)
    text: tuple[int, ...] = ()
    while len(text) < 20 and (token := int(tables.row(text).argmax())):
        text = (*text, token)
    assert AttentionDecoder(TABLE, beam_size=1, max_tokens_per_frame=1.0, repeat_length=0).decode(tables)[0].tokens == text


def surely(token: int) -> np.ndarray:
    row = np.full(len(TABLE), 0.01 / 3)
    row[token] = 0.99
    return row


def test_a_network_that_goes_in_circles_is_stopped_and_its_text_cut() -> None:
    """`ab ` for ever, over and over from the first three frames."""
    endless = Says(lambda text: surely((2, 3, 1)[len(text) % 3]), lambda text: len(text) % 3, frames=40)
    (found, *_) = AttentionDecoder(TABLE, repeat_length=6, edge_threshold=2.0).decode(endless)
    assert found.text == "ab"
    free = AttentionDecoder(TABLE, repeat_length=0, edge_threshold=2.0, max_tokens_per_frame=0.5).decode(endless)[0]
    assert free.tokens == (2, 3, 1) * 6 + (2, 3)  # the guard of the length alone


def test_what_is_said_twice_is_written_twice() -> None:
    """The same six tokens five times, each from sound of its own."""
    text = (2, 3, 1) * 10
    honest = Says(lambda before: surely(text[len(before)] if len(before) < len(text) else 0), len, frames=40)
    assert AttentionDecoder(TABLE, repeat_length=6).decode(honest)[0].tokens == text


def test_a_repetition_is_the_same_tokens_from_the_same_place_or_further_back() -> None:
    assert repeated((1, 2, 1, 2), (0, 1, 0, 1), 2) == 2
    assert repeated((1, 2, 1, 2), (4, 5, 0, 1), 2) == 2
    assert repeated((1, 2, 1, 2), (0, 1, 2, 3), 2) is None
    assert repeated((1, 2, 1, 3), (0, 1, 0, 1), 2) is None
    assert repeated((2, 2, 2), (4, 4, 4), 2) == 1
    assert repeated((1, 2), (0, 0), 2) is None


def test_the_end_is_taken_only_where_it_is_nearly_as_probable_as_the_best_token() -> None:
    def after(text: tuple[int, ...]) -> np.ndarray:
        return np.array([0.01, 0.005, 0.98, 0.005]) if len(text) < 6 else surely(0)

    network = Says(after, len, frames=10)
    patient = AttentionDecoder(TABLE, edge_threshold=4.0, beam_threshold=np.inf, beam_size=20).decode(network, 50)
    assert min(len(hypothesis.tokens) for hypothesis in patient) == 6
    hasty = AttentionDecoder(TABLE, edge_threshold=5.0, beam_threshold=np.inf, beam_size=20).decode(network, 50)
    assert min(len(hypothesis.tokens) for hypothesis in hasty) == 0


def test_coverage_prefers_the_text_that_heard_everything() -> None:
    def after(text: tuple[int, ...]) -> np.ndarray:
        return {(): surely(2), (2,): np.array([0.6, 0.0001, 0.0001, 0.3998]), (2, 3): surely(0)}.get(text, surely(0))

    network = Says(after, len, frames=3)
    options = {"length_normalization": 0.0}
    assert AttentionDecoder(TABLE, **options).decode(network)[0].text == "a"
    assert AttentionDecoder(TABLE, **options, coverage_weight=1.0).decode(network)[0].text == "ab"


def test_no_frames_are_the_empty_text_and_the_network_is_not_asked() -> None:
    tables = Tables(0, frames=0)
    (empty,) = AttentionDecoder(TABLE).decode(tables)
    assert empty.text == "" and empty.tokens == () and empty.score == 0.0 and tables.asked == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), tokens=st.integers(1, 4), frames=st.integers(1, 5))
def test_frames_of_tokens_are_the_best_that_rise(seed: int, tokens: int, frames: int) -> None:
    weights = np.random.default_rng(seed).dirichlet(np.ones(frames), size=tokens)
    choices = combinations(range(frames), tokens) if tokens <= frames else combinations_with_replacement(range(frames), tokens)
    best = max(choices, key=lambda places: sum(np.log(weights[token, place]) for token, place in enumerate(places)))
    found = frames_of_tokens(weights)
    assert sum(np.log(weights[range(tokens), found])) == pytest.approx(sum(np.log(weights[range(tokens), best])))
    assert found == sorted(found) and (tokens > frames or len(set(found)) == tokens)


def test_a_single_look_astray_does_not_move_the_neighbours() -> None:
    weights = np.eye(6)[[0, 1, 5, 3, 4]] * 0.9 + 0.1 / 6
    assert frames_of_tokens(weights) == [0, 1, 2, 3, 4]


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    arpa = tmp_path / "words.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=5\nngram 2=2\n\n\\1-grams:\n-2\t<unk>\n-99\t<s>\t-0.5\n-1\t</s>\n-0.5\tab\t-0.25\n-1.5\tb\t-0.125\n"
        "\n\\2-grams:\n-0.3\t<s> ab\n-0.2\tab b\n\n\\end\\\n"
    )
    return Scorer.from_arpa(arpa, TABLE)


@pytest.mark.parametrize("seed", range(3))
def test_with_an_ngram_the_beam_is_the_search_of_all_texts(scorer: Scorer, seed: int) -> None:
    tables = Tables(seed)
    weights = {"lm_weight": 0.5, "word_score": 0.3, "unknown_score": -2.0}
    decoder = AttentionDecoder(TABLE, scorer, **weights, **OPEN, repeat_length=0, max_tokens_per_frame=1.0)
    log10 = {"ab": {"<s>": -0.3, "ab": -0.75, "b": -0.625, "?": -0.5}, "b": {"<s>": -2.0, "ab": -0.2, "b": -1.625, "?": -1.5}}
    ends = {"<s>": -1.5, "ab": -1.25, "b": -1.125, "?": -1.0}
    unknown = {"<s>": -2.5, "ab": -2.25, "b": -2.125, "?": -2.0}

    def total(text: tuple[int, ...]) -> float:
        before, lm, bonus = "<s>", 0.0, 0.0
        for word in TABLE.decode(text).split():
            known = word in log10
            lm += (log10[word] if known else unknown)[before]
            bonus += 0.3 + (0.0 if known else -2.0)
            before = word if known else "?"
        return tables.score(text) + 0.5 * np.log(10) * (lm + ends[before]) + bonus

    best = max(all_texts(3), key=lambda text: total(text) / (len(text) + 1) ** 0.6)
    found = decoder.decode(tables)[0]
    assert found.text == " ".join(TABLE.decode(best).split())
    assert found.score == pytest.approx(total(found.tokens), abs=1e-4)


def test_networks_and_numbers_that_cannot_be_are_told() -> None:
    class Damaged(Tables):
        def row(self, text: tuple[int, ...]) -> np.ndarray:
            return np.full(len(TABLE), np.nan, dtype=np.float32)

    with pytest.raises(ShapeError, match="NaN"):
        AttentionDecoder(TABLE).decode(Damaged(0))
    with pytest.raises(ShapeError, match="log_probs have 4 tokens, the token table has 3"):
        AttentionDecoder(TokenTable(("<blank>", " ", "a"))).decode(Tables(0))
    for wrong in ({"beam_size": 0}, {"length_normalization": 1.5}, {"repeat_length": -1}, {"max_tokens_per_frame": 0.0}):
        with pytest.raises(ShapeError, match=next(iter(wrong))):
            AttentionDecoder(TABLE, **wrong)


def test_phones_cannot_be_searched_with_words(scorer: Scorer) -> None:
    with pytest.raises(TokenError):
        AttentionDecoder(TokenTable(("<blank>", "AA", "B", "K"), "phones"), scorer)
