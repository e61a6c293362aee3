from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sounds import RATE, Held, cached_noise, white
from tympan.data import Utterance
from tympan.data.augment.recordings import CachedRecordings, Files, Recordings, excerpt
from tympan.data.cache import cache_audio

COUNTS = [500, 1, 4000]


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    for index, count in enumerate(COUNTS):
        soundfile.write(tmp_path / f"{index}.wav", white(count, seed=index), RATE)
    return [Utterance(f"u{index}", tmp_path / f"{index}.wav", count / RATE, "") for index, count in enumerate(COUNTS)]


def test_cached_and_decoded_recordings_are_the_same(utterances: list[Utterance], tmp_path: Path) -> None:
    cached: Recordings = CachedRecordings.of(cache_audio(utterances, tmp_path / "cache", RATE))
    files: Recordings = Files(utterances, RATE)
    assert len(cached) == len(files) == 3
    for index, count in enumerate(COUNTS):
        assert cached.length(index) == files.length(index) == count
        for start, wanted in ((0, count), (count // 2, count - count // 2), (count // 3, 1), (0, 0)):
            expected = white(count, seed=index)[start : start + wanted]
            for recordings in (cached, files):
                found = recordings.read(index, start, wanted)
                assert found.shape == (wanted,) and found.dtype == np.float32
                np.testing.assert_allclose(found, expected, atol=4e-5)  # 16 bits
    assert files.name(2) == "u2" and cached.name(2) == "2"


def test_what_was_read_may_be_changed(utterances: list[Utterance]) -> None:
    files = Files(utterances, RATE)
    files.read(0, 0, 500)[:] = 7
    assert np.abs(files.read(0, 0, 500)).max() < 1


def test_only_chosen_recordings_with_sound_are_drawn(utterances: list[Utterance], tmp_path: Path) -> None:
    cache = cache_audio(utterances, tmp_path / "cache", RATE)
    some = CachedRecordings(cache, [2, 0])
    assert [some.length(index) for index in range(len(some))] == [4000, 500]
    empty = cached_noise(tmp_path / "a.pcm", [0, 500, 0])
    assert CachedRecordings.of(empty).positions == [1]


@given(length=st.integers(1, 50), count=st.integers(0, 200), seed=st.integers(0, 99))
def test_an_excerpt_goes_round_from_where_it_begins(length: int, count: int, seed: int) -> None:
    found = excerpt(Held([np.arange(length, dtype=np.float32)]), 0, count, np.random.default_rng(seed))
    assert found.shape == (count,)
    if count:
        assert np.array_equal(found, (found[0] + np.arange(count)) % length)


def test_every_place_can_be_the_first() -> None:
    held = Held([np.arange(8, dtype=np.float32)])
    assert {int(excerpt(held, 0, 3, np.random.default_rng(seed))[0]) for seed in range(100)} == set(range(8))
