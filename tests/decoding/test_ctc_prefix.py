"""Prefix probabilities of CTC against the sum over every path."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toy import emissions
from tympan.decoding.ctc_prefix import NEVER, CTCPrefixes, Forward
from tympan.errors import ShapeError


def spelled(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in groupby(path) if token)


def forward_of(prefixes: CTCPrefixes, text: tuple[int, ...]) -> Forward:
    forward = prefixes.start()
    for place, token in enumerate(text):
        forward = prefixes.extend(forward, [text[:place]], [0], [token])
    return forward


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**20), frames=st.integers(1, 4))
def test_a_beginning_has_the_probability_of_all_paths_that_begin_so_and_a_text_of_those_that_spell_it(seed: int, frames: int) -> None:
    log_probs = emissions(seed, frames, tokens=3).astype(np.float64)
    paths = {path: sum(log_probs[t, token] for t, token in enumerate(path)) for path in product(range(3), repeat=frames)}
    prefixes = CTCPrefixes(log_probs)
    for text in [text for length in range(4) for text in product((1, 2), repeat=length)]:
        forward = forward_of(prefixes, text)
        whole = [score for path, score in paths.items() if spelled(path) == text]
        assert prefixes.ended(forward)[0] == pytest.approx(np.logaddexp.reduce(whole) if whole else NEVER, abs=1e-6)
        for token in (1, 2):
            begun = [score for path, score in paths.items() if spelled(path)[: len(text) + 1] == (*text, token)]
            found = prefixes.longer(forward, [text], [0], [token])[0]
            assert found == pytest.approx(np.logaddexp.reduce(begun) if begun else NEVER, abs=1e-6)


def test_many_texts_at_once_are_each_as_alone() -> None:
    prefixes, texts = CTCPrefixes(emissions(3, 20)), [(1,), (2, 2), ()]
    each = [forward_of(prefixes, text) for text in texts]
    both = Forward(*(np.concatenate(parts) for parts in zip(*each, strict=True)))
    rows, tokens = [0, 1, 1, 2, 0], [1, 2, 3, 3, 2]
    together, scores = prefixes.extend(both, texts, rows, tokens), prefixes.longer(both, texts, rows, tokens)
    for place, (row, token) in enumerate(zip(rows, tokens, strict=True)):
        alone = prefixes.extend(each[row], [texts[row]], [0], [token])
        np.testing.assert_allclose(together.token[place], alone.token[0])
        np.testing.assert_allclose(together.blank[place], alone.blank[0])
        assert scores[place] == pytest.approx(prefixes.longer(each[row], [texts[row]], [0], [token])[0])


def test_long_sound_loses_no_digits() -> None:
    log_probs = emissions(1, 2000, scale=8.0).astype(np.float64)
    forward = forward_of(CTCPrefixes(log_probs), (1, 2, 1))
    token = blank = np.array([-np.inf] * 3)
    empty, last = 0.0, (1, 2, 1)
    for frame in np.maximum(log_probs, -100.0):  # the same, a frame at a time
        entering = [empty, np.logaddexp(token[0], blank[0]), np.logaddexp(token[1], blank[1])]
        token, blank = (
            np.array([np.logaddexp(token[i], entering[i]) + frame[last[i]] for i in range(3)]),
            np.array([np.logaddexp(token[i], blank[i]) + frame[0] for i in range(3)]),
        )
        empty += frame[0]
    assert forward.token[0, -1] == pytest.approx(token[2], abs=1e-6)
    assert forward.blank[0, -1] == pytest.approx(blank[2], abs=1e-6)


def test_nan_and_other_shapes_are_told() -> None:
    for wrong in (np.zeros(3), np.full((2, 3), np.nan)):
        with pytest.raises(ShapeError, match="without NaN"):
            CTCPrefixes(wrong)
