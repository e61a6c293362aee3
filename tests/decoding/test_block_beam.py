"""The search in blocks against all that can be said, on networks that are tables; the same in whatever pieces the frames come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.decoding import BlockDecoder
from tympan.errors import ShapeError
from tympan.lm import build
from tympan.tokens import TokenTable

TABLE = TokenTable(("<blank>", " ", "a", "b"))
OPEN: dict[str, Any] = {"beam_size": 10_000, "beam_threshold": np.inf, "token_min_log_prob": -np.inf}


class Tables:
    """Log-probabilities drawn anew for each window and all that was said before; keys are numbers of frames."""

    def __init__(self, seed: int, *, forgetful: bool = False) -> None:
        self.seed, self.forgetful = seed, forgetful
        self.windows: list[list[int]] = []

    def step(self, keys: np.ndarray, values: np.ndarray, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[Any, Any, Any]:
        window = keys[0, 0, :, 0].astype(int).tolist()
        self.windows.append(window)
        said = [(() if state is None else (*state[row], token)) for token, row in zip(tokens, rows, strict=True)]
        looks = np.stack([np.random.default_rng([self.seed, 2, len(text)]).dirichlet(np.ones(len(window))) for text in said])
        return np.stack([self.row(window, text) for text in said]), looks.astype(np.float32), said

    def join(self, states: Sequence[Any], picks: Sequence[tuple[int, int]]) -> Any:
        return [states[number][row] for number, row in picks]

    def row(self, window: list[int], said: tuple[int, ...]) -> np.ndarray:
        logits = np.random.default_rng([self.seed, 1, *window, *(() if self.forgetful else said)]).normal(size=len(TABLE))
        return (logits - np.logaddexp.reduce(logits)).astype(np.float32)


def frames(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32).reshape(1, 1, count, 1)


def windows(count: int, size: int, back: int) -> list[list[int]]:
    return [list(range(max(0, first - back), min(count, first + size))) for first in range(0, count, size)]


def brute_force(network: Tables, cut: list[list[int]], most: int) -> dict[tuple[int, ...], float]:
    """log P of all texts, all ways to say them added up."""
    ways = [way for length in range(most + 1) for way in product(range(1, len(TABLE)), repeat=length)]
    found: dict[tuple[int, ...], float] = defaultdict(lambda: -np.inf)
    for parts in product(ways, repeat=len(cut)):
        total, said = 0.0, ()
        for part, window in zip(parts, cut, strict=True):
            for token in (*part, 0):
                total += float(network.row(window, said)[token])
                said = (*said, token)
        text = tuple(token for part in parts for token in part)
        found[text] = float(np.logaddexp(found[text], total))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_open_search_finds_every_text_and_its_probability(seed: int) -> None:
    network, cut = Tables(seed, forgetful=True), windows(5, 2, 1)
    decoder = BlockDecoder(TABLE, frames=2, back=1, most=1, **OPEN)
    search = decoder.begin(network)
    search.accept(frames(5), frames(5))
    search.finish()
    found = {said.tokens: said.acoustic for said in search.held}
    assert found == pytest.approx(brute_force(network, cut, 1), abs=1e-4)
    assert max(found.values()) == pytest.approx(search.held[0].acoustic)


def test_within_one_block_it_is_the_speller_alone() -> None:
    network = Tables(7)
    decoder = BlockDecoder(TABLE, frames=9, back=0, most=3, **OPEN)
    search = decoder.begin(network)
    search.accept(frames(4), frames(4))
    assert search.hypotheses() == decoder.begin(network).hypotheses()  # no whole block yet
    search.finish()
    assert {said.tokens: said.acoustic for said in search.held} == pytest.approx(brute_force(network, [[0, 1, 2, 3]], 3), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 13), st.integers(1, 4), st.integers(0, 5), st.lists(st.integers(0, 5), max_size=8))
def test_pieces_change_nothing(seed: int, count: int, size: int, back: int, pieces: list[int]) -> None:
    decoder = BlockDecoder(TABLE, frames=size, back=back, most=3, beam_size=3)
    whole = Tables(seed)
    expected = decoder.decode(whole, frames(count), frames(count), 3)
    streamed = Tables(seed)
    search, done = decoder.begin(streamed), 0
    for piece in (*pieces, count):
        search.accept(frames(count)[:, :, done : done + piece], frames(count)[:, :, done : done + piece])
        done = min(count, done + piece)
    assert search.finish(3) == expected
    assert streamed.windows == whole.windows
    assert [window for index, window in enumerate(whole.windows) if window not in whole.windows[:index]] == windows(count, size, back)


def test_limits_hold_and_frames_rise() -> None:
    decoder = BlockDecoder(TABLE, frames=2, back=2, most=2, beam_size=2)
    for seed in range(20):
        for found in decoder.decode(Tables(seed), frames(7), frames(7), 2):
            assert len(found.tokens) <= 8 and list(found.timesteps) == sorted(found.timesteps)
            assert all(0 <= frame < 7 for frame in found.timesteps) and len(found.token_log_probs) == len(found.tokens)
    assert decoder.decode(Tables(0), frames(0), frames(0))[0].tokens == ()


def test_language_model_decides_between_words(tmp_path: Path) -> None:
    build(["ab ab", "ab"], order=2, prune=(0,), tokens=TABLE).save(tmp_path / "words.scorer")
    from tympan.lm import Scorer

    scorer = Scorer.open(tmp_path / "words.scorer")
    alone, fused = (BlockDecoder(TABLE, one, 3.0, 0.0, frames=3, back=0, most=2, beam_size=50) for one in (None, scorer))
    changed = 0
    for seed in range(20):
        heard = fused.decode(Tables(seed), frames(3), frames(3))[0]
        words = heard.text.split()
        unknown = sum(word not in scorer.words for word in words)
        assert heard.score == pytest.approx(heard.acoustic_score + 3.0 * heard.lm_score - 8.0 * unknown, abs=1e-4)
        changed += heard.text != alone.decode(Tables(seed), frames(3), frames(3))[0].text
    assert changed


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ShapeError, match="back is -1"):
        BlockDecoder(TABLE, frames=2, back=-1, most=2)

    class Broken(Tables):
        def row(self, window: list[int], said: tuple[int, ...]) -> np.ndarray:
            return np.full(len(TABLE), np.nan, np.float32)

    class Foreign(Tables):
        def row(self, window: list[int], said: tuple[int, ...]) -> np.ndarray:
            return np.zeros(7, np.float32)

    decoder = BlockDecoder(TABLE, frames=2, back=1, most=2)
    with pytest.raises(ShapeError, match="NaN"):
        decoder.decode(Broken(0), frames(3), frames(3))
    with pytest.raises(ShapeError, match="log_probs have 7 tokens, the token table has 4"):
        decoder.decode(Foreign(0), frames(3), frames(3))
