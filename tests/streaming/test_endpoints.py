"""Silence is told by blanks and loudness together."""

from __future__ import annotations

import numpy as np

from tympan.streaming.endpoints import Endpointer, Loudness
from tympan.streaming.options import StreamOptions

SHIFT = 0.04


def log_probs(*runs: tuple[bool, int]) -> np.ndarray:
    """(T, 3): runs of blanks (True) or of a token."""
    path = np.concatenate([np.full(count, 0 if blank else 1) for blank, count in runs])
    probabilities = np.full((len(path), 3), 0.01, np.float32)
    probabilities[np.arange(len(path)), path] = 0.98
    return np.log(probabilities)


def follow(endpointer: Endpointer, runs: list[tuple[bool, float, int]]) -> Endpointer:
    for blank, loudness, count in runs:
        endpointer.follow(log_probs((blank, count)), np.full(4 * count, loudness, np.float32))
    return endpointer


def test_silence_after_words_ends_a_piece_and_a_held_vowel_does_not() -> None:
    options = StreamOptions(endpoint_s=0.6)
    silent = follow(Endpointer(options, SHIFT), [(True, -60, 20), (False, -20, 5), (True, -60, 15)])
    assert silent.after_words() and silent.speech == 20
    held = follow(Endpointer(options, SHIFT), [(True, -60, 20), (False, -20, 5), (True, -22, 20)])
    assert not held.after_words()
    music = follow(held, [(True, -22, 10)])
    assert music.after_words()  # twice as long without a token is an end, however loud


def test_a_token_begins_the_silence_anew() -> None:
    endpointer = follow(Endpointer(StreamOptions(), SHIFT), [(False, -20, 5), (True, -60, 12), (False, -20, 1), (True, -60, 12)])
    assert not endpointer.after_words() and endpointer.silence_s < 0.5


def test_nothing_is_forgotten_later_than_words_end() -> None:
    endpointer = follow(Endpointer(StreamOptions(nothing_s=2.4), SHIFT), [(True, -60, 59)])
    assert not endpointer.after_nothing() and follow(endpointer, [(True, -60, 1)]).after_nothing()


def test_longest_pause_of_the_second_half_is_remembered() -> None:
    runs = [(False, 40), (True, 10), (False, 20), (True, 4), (False, 6), (True, 6), (False, 10)]
    endpointer = Endpointer(StreamOptions(longest_s=4.0), SHIFT)
    endpointer.follow(log_probs(*runs), None)
    assert endpointer.too_long(5) and endpointer.pause[0] == 6
    assert 80 <= endpointer.pause[1] < 86


def test_noise_that_grows_louder_becomes_the_floor_and_speech_stands_out_of_it() -> None:
    loudness = Loudness(0.01)
    loudness.quiet(np.full(100, -60, np.float32))
    assert not loudness.quiet(np.full(50, -30, np.float32)).any()
    assert loudness.quiet(np.full(6000, -30, np.float32))[-100:].all()
    assert not loudness.quiet(np.full(5, -12, np.float32)).any()


def test_how_frames_come_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((60, 3)).astype(np.float32)
    found = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loudness = rng.uniform(-60, -10, 240).astype(np.float32)
    once, often = Endpointer(StreamOptions(), SHIFT), Endpointer(StreamOptions(), SHIFT)
    once.follow(found, loudness)
    for at in range(60):
        often.follow(found[at : at + 1], loudness[4 * at : 4 * at + 4])
    names = ("frames", "speech", "blank", "silent", "pause")
    assert [getattr(once, name) for name in names] == [getattr(often, name) for name in names]
