"""Pieces of long recordings: nothing lost, no word split, the same however the blocks come."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.audio import segments, without_dead_tail
from tympan.errors import AudioError

RATE = 1000  # low, so that minutes are cheap


def noise(seconds: float, level: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(round(seconds * rate)) * level).astype(np.float32)


def talk(*parts: tuple[float, float], rate: int = RATE) -> np.ndarray:
    """(seconds of speech-like noise, seconds of pause) ..., the pauses 40 dB lower."""
    pieces = [[noise(spoken, 0.2, 2 * i, rate), noise(pause, 0.002, 2 * i + 1, rate)] for i, (spoken, pause) in enumerate(parts)]
    return np.concatenate([piece for pair in pieces for piece in pair])


def ends(samples: np.ndarray, **options: float) -> list[float]:
    return [round(piece.start_s + len(piece.samples) / RATE, 3) for piece in segments([samples], RATE, **options)]


@st.composite
def recordings(draw: st.DrawFn) -> np.ndarray:
    """Up to a minute of speech, pauses, digital silence and steps between them."""
    parts = draw(st.lists(st.tuples(st.floats(0.001, 12), st.sampled_from([0.0, 0.001, 0.05, 0.3])), min_size=1, max_size=6))
    return np.concatenate([noise(seconds, level, i) for i, (seconds, level) in enumerate(parts)])


@settings(max_examples=60, deadline=None)
@given(samples=recordings(), max_s=st.floats(0.05, 25), data=st.data())
def test_pieces_joined_are_the_input_however_the_blocks_come(samples, max_s, data):
    min_s = data.draw(st.one_of(st.none(), st.floats(0, max_s)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(samples)), max_size=8)))
    whole = list(segments([samples], RATE, max_s=max_s, min_s=min_s))
    parts = list(segments(np.split(samples, cuts), RATE, max_s=max_s, min_s=min_s))
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *(piece.samples for piece in whole)]), samples)
    assert [piece.start_s for piece in parts] == [piece.start_s for piece in whole]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(parts, whole, strict=True))
    starts = np.cumsum([0] + [len(piece.samples) for piece in whole])[:-1]
    assert [piece.start_s for piece in whole] == [start / RATE for start in starts]
    assert all(1 <= len(piece.samples) <= max(1, round(max_s * RATE)) for piece in whole)


def test_what_fits_is_one_piece():
    assert ends(talk((4, 1), (4, 1)), max_s=10) == [10]
    assert [piece.start_s for piece in segments([noise(0.001, 1)], RATE)] == [0.0]
    assert list(segments([], RATE)) == []
    assert list(segments([np.zeros(0, np.float32)], RATE)) == []


def test_the_longest_pause_of_the_second_half_wins():
    # pauses: 3 to 4.5 (too early), 11 to 11.3, 14 to 14.8, 17 to 17.4
    cut = ends(talk((3, 1.5), (6.5, 0.3), (2.7, 0.8), (2.2, 0.4), (10, 0)))[0]
    assert 14.1 < cut < 14.7


def test_of_equal_pauses_the_later_wins():
    samples = talk((11, 0.5), (2, 0.5), (2, 0.5), (12, 0))
    assert 16.05 < ends(samples)[0] < 16.45


def test_the_cut_lies_in_the_middle_of_a_pause_of_even_quiet():
    samples = np.concatenate([noise(15, 0.2), np.zeros(RATE, np.float32), noise(10, 0.2, 1)])
    assert ends(samples)[0] == pytest.approx(15.5, abs=0.02)


def test_the_cut_avoids_a_breath_within_a_pause():
    pause = np.concatenate([noise(0.4, 0.0005), noise(0.4, 0.004, 1), noise(0.5, 0.0005, 2)])
    cut = ends(np.concatenate([noise(15, 0.2, 3), pause, noise(10, 0.2, 4)]))[0]
    assert 15.0 < cut < 15.4 or 15.8 < cut < 16.3


def test_a_short_dip_is_taken_where_there_is_no_pause():
    samples = noise(30, 0.2)
    samples[13_000:13_100] *= 0.1
    assert 13.0 <= ends(samples)[0] <= 13.1


@pytest.mark.parametrize("floor", [0.0, 1e-4, 0.01, 0.05])
def test_no_word_is_split_at_any_noise_floor(floor):
    rng = np.random.default_rng(9)
    words: list[tuple[float, float]] = []
    parts: list[np.ndarray] = []
    now = 0.0
    for i in range(150):
        spoken, pause = rng.uniform(0.2, 0.9), rng.uniform(0.22, 0.6)
        parts += [noise(spoken, 0.2, 1000 + i), np.zeros(round(pause * RATE), np.float32)]
        words.append((now, now + len(parts[-2]) / RATE))
        now = words[-1][1] + len(parts[-1]) / RATE
    samples = np.concatenate(parts)
    samples += noise(len(samples) / RATE, floor, 77)
    cuts = ends(samples)[:-1]
    assert len(cuts) >= 5
    split = [(cut, word) for cut in cuts for word in words if word[0] + 0.011 < cut < word[1] - 0.011]
    assert split == []


def test_the_last_piece_is_not_a_scrap_where_it_can_be_longer():
    for seconds in (20.001, 20.05, 20.5):
        samples = talk((19.3, 0.6), (seconds - 19.9, 0))
        pieces = [len(piece.samples) / RATE for piece in segments([samples], RATE)]
        assert len(pieces) == 2
        assert pieces[-1] >= 1


def test_an_hour_needs_the_memory_of_one_window():
    def hour():
        for i in range(3600):
            yield noise(1, 0.1, i)

    tracemalloc.start()
    try:
        total = sum(len(piece.samples) for piece in segments(hour(), RATE))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 3600 * RATE
    assert peak < 20 * 21 * RATE * 4  # whole: 14.4 MB; this: 1.7 MB; a window 0.08 MB and the work on it


def test_pieces_are_the_callers_own():
    block = np.zeros(100, np.float32)
    next(segments([block], RATE)).samples[:] = 1
    assert not block.any()


@pytest.mark.parametrize("options", [{"max_s": 0}, {"max_s": float("inf")}, {"max_s": 5, "min_s": 6}, {"min_s": -1}, {"pause_s": -1}])
def test_times_that_contradict_each_other_are_refused_at_once(options):
    with pytest.raises(AudioError, match="cannot be cut with"):
        segments([], RATE, **options)


@given(st.integers(0, 50), st.integers(0, 50))
def test_only_digital_silence_at_the_end_is_dead(spoken: int, filled: int) -> None:
    """One step of 16 bits is what dither and resampling leave of nothing."""
    sound = noise(spoken / RATE, 0.1) + np.float32(1)
    dead = np.resize(np.array([0, 1 / 32768, -1 / 32768], np.float32), filled)
    np.testing.assert_array_equal(without_dead_tail(np.concatenate([dead, sound, dead])), np.concatenate([dead, sound]) if spoken else [])
