"""Reading a cache: parts, what is gone or cut, and three kinds that give the same sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sounds import cached_noise
from tympan.data import Utterance
from tympan.data.cache import FeatureCache, FrameFeatures, Lengths, cache_audio, open_uncached, plan_cache
from tympan.errors import AudioError
from tympan.features import Fbank80

RATE = 8000


@pytest.fixture
def utterances(make: Any) -> list[Utterance]:
    return [make(f"{number}.wav", count) for number, count in enumerate((3000, 1, 16_000))]


def test_a_part_is_a_slice_of_the_whole(tmp_path: Path) -> None:
    cache = cached_noise(tmp_path / "a.pcm", [40, 100, 7])
    whole = cache.samples(1)
    assert len(whole) == 100
    for first, count in ((0, 10), (90, 10), (90, 50), (100, 1), (200, 5), (3, None), (0, 0)):
        assert np.array_equal(cache.samples(1, first, count), whole[first : None if count is None else first + count])


def test_decoding_in_every_epoch_gives_the_samples_of_the_cache(utterances: list[Utterance], tmp_path: Path, decoded: list[str]) -> None:
    cache = cache_audio(utterances, tmp_path / "cache", RATE)
    decoded.clear()
    uncached = open_uncached(utterances, tmp_path / "cache", RATE)
    assert not decoded, "headers tell the lengths"
    assert uncached.lengths.tolist() == cache.lengths.tolist()
    for index in range(3):
        assert np.array_equal(uncached.samples(index), cache.samples(index))
        assert np.array_equal(uncached.samples(index, 1, 20), cache.samples(index, 1, 20))


def test_features_of_the_cache_are_those_of_its_samples(tmp_path: Path) -> None:
    for number, count in enumerate((3000, 100, 16_000)):
        soundfile.write(tmp_path / f"{number}.flac", 0.2 * np.random.default_rng(number).standard_normal(count), 16_000)
    utterances = [Utterance(str(number), tmp_path / f"{number}.flac", 1.0, "") for number in range(3)]
    extractor = Fbank80()
    samples = cache_audio(utterances, tmp_path / "cache", 16_000)
    features = FeatureCache(plan_cache(utterances, tmp_path / "cache", FrameFeatures(extractor)).make())
    assert features.lengths.tolist() == [3000, 100, 16_000]
    for index in range(3):
        found = features.features(index)
        assert np.array_equal(found, extractor(samples.samples(index))) and found.flags.writeable
        assert found.dtype == np.float32


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_cache_that_is_cut_or_gone_is_an_error_that_names_it(utterances: list[Utterance], tmp_path: Path, damage: str) -> None:
    cache = cache_audio(utterances, tmp_path / "cache", RATE)
    for path in cache.made.files:
        path.write_bytes(path.read_bytes()[:100]) if damage == "cut" else path.unlink()
    with pytest.raises(AudioError, match=r"cache .*\.pcm is gone, or cut off"):
        cache.samples(2)
    assert len(cache_audio(utterances, tmp_path / "cache", RATE).samples(2)) == 16_000


def test_a_recording_that_vanishes_or_is_cut_later_is_an_audio_error(utterances: list[Utterance], tmp_path: Path) -> None:
    uncached = open_uncached(utterances, tmp_path / "cache", RATE)
    utterances[0].audio.unlink()
    content = utterances[2].audio.read_bytes()
    utterances[2].audio.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match=r"0\.wav: no such file"):
        uncached.samples(0)
    with pytest.raises(AudioError, match=r"2\.wav ends early"):
        uncached.samples(2)


def test_what_has_no_header_is_skipped_and_has_no_samples(make: Any, tmp_path: Path) -> None:
    utterances = [make(f"{i}.wav", 10) for i in range(100)]
    utterances[3].audio.write_bytes(b"not audio")
    with pytest.warns(UserWarning, match=r"3\.wav"):
        uncached = open_uncached(utterances, tmp_path / "cache", RATE)
    assert list(uncached.skipped) == [3] and len(uncached.samples(3)) == 0
    assert plan_cache(utterances, tmp_path / "cache", Lengths(RATE)).bytes_needed == 0
