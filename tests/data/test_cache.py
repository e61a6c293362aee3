"""Decoded audio on disk: decoded once, again when something changed, and complete or refused."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tympan import audio
from tympan.data import Utterance
from tympan.data.cache import cache_audio
from tympan.errors import ManifestError

RATE = 8000
Make = Callable[[str, int], Utterance]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a recording of so many samples, which are noise seeded by their number."""

    def write(name: str, count: int) -> Utterance:
        path = tmp_path / name
        soundfile.write(path, np.random.default_rng(count).integers(-32768, 32767, count).astype(np.int16), RATE, format="WAV")
        return Utterance(name, path, count / RATE, "")

    return write


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the recordings that were decoded since the test began."""
    names: list[str] = []
    read = audio.read

    def record(source: Path, sample_rate: int) -> np.ndarray:
        names.append(source.name)
        return read(source, sample_rate)

    monkeypatch.setattr(audio, "read", record)
    return names


def break_file(utterance: Utterance) -> Utterance:
    utterance.audio.write_bytes(b"this is not audio")
    return utterance


def test_samples_are_those_of_the_recordings(make: Make, tmp_path: Path) -> None:
    utterances = [make(f"{count}.wav", count) for count in (100, 1, 8000)]
    cache = cache_audio(utterances, tmp_path / "cache", RATE)
    for index, utterance in enumerate(utterances):
        samples = cache.samples(index)
        assert samples.dtype == np.float32
        assert np.array_equal(samples, audio.read(utterance.audio, RATE))
    assert cache.durations().tolist() == [100 / RATE, 1 / RATE, 1.0]
    assert cache.skipped == {}


def test_samples_are_resampled(make: Make, tmp_path: Path) -> None:
    cache = cache_audio([make("a.wav", 8000)], tmp_path / "cache", 16_000)
    assert len(cache.samples(0)) == 16_000
    assert cache.durations().tolist() == [1.0]


def test_second_call_decodes_nothing(make: Make, tmp_path: Path, decoded: list[str]) -> None:
    utterances = [make("a.wav", 10), make("b.wav", 20)]
    first = cache_audio(utterances, tmp_path / "cache", RATE)
    assert sorted(decoded) == ["a.wav", "b.wav"]
    second = cache_audio(utterances, tmp_path / "cache", RATE)
    assert len(decoded) == 2
    assert second.path == first.path and np.array_equal(second.offsets, first.offsets)


@pytest.mark.parametrize("change", ["content", "time", "order", "rate", "one more"])
def test_what_changed_is_decoded_anew(make: Make, tmp_path: Path, decoded: list[str], change: str) -> None:
    utterances = [make("a.wav", 10), make("b.wav", 20)]
    cache_audio(utterances, tmp_path / "cache", RATE)
    rate = RATE
    if change == "content":
        make("b.wav", 30)
    elif change == "time":
        status = utterances[1].audio.stat()
        os.utime(utterances[1].audio, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    elif change == "order":
        utterances.reverse()
    elif change == "rate":
        rate = 16_000
    else:
        utterances.append(make("c.wav", 5))
    decoded.clear()
    cache = cache_audio(utterances, tmp_path / "cache", rate)
    assert len(decoded) == len(utterances)
    for index, utterance in enumerate(utterances):
        np.testing.assert_allclose(cache.samples(index), audio.read(utterance.audio, rate), atol=1 / 32768)


def test_killed_before_its_end_the_cache_is_made_again(
    make: Make, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    utterances = [make("a.wav", 10), make("b.wav", 20)]

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache_audio(utterances, tmp_path / "cache", RATE, stop)
    assert list((tmp_path / "cache").iterdir()) == []
    cache = cache_audio(utterances, tmp_path / "cache", RATE)
    assert len(cache.samples(1)) == 20


def test_progress_counts_to_the_number_of_recordings(make: Make, tmp_path: Path) -> None:
    told: list[int] = []
    cache_audio([make(f"{i}.wav", 10) for i in range(5)], tmp_path / "cache", RATE, told.append)
    assert told == [1, 2, 3, 4, 5]


def test_more_than_one_unreadable_in_a_hundred_stops_with_their_names(make: Make, tmp_path: Path) -> None:
    utterances = [make(f"{i}.wav", 10) for i in range(199)] + [break_file(make("bad.wav", 10))]
    with pytest.warns(UserWarning, match=r"left out of the training: .*bad\.wav"):
        cache = cache_audio(utterances, tmp_path / "cache", RATE)  # 1 in 200
    assert [Path(path).name for path in cache.skipped] == ["bad.wav"]
    assert len(cache.samples(199)) == 0 and len(cache.samples(198)) == 10

    missing = [Utterance("gone", tmp_path / "gone.wav", 1.0, ""), Utterance("folder", tmp_path, 1.0, "")]
    with pytest.raises(ManifestError) as error:
        cache_audio(utterances + missing, tmp_path / "cache", RATE)  # 3 in 202
    for part in ("3 of 202", "bad.wav", "gone.wav", str(tmp_path)):
        assert part in str(error.value)


def test_exactly_one_in_a_hundred_may_be_unreadable(make: Make, tmp_path: Path) -> None:
    utterances = [make(f"{i}.wav", 10) for i in range(99)] + [break_file(make("bad.wav", 10))]
    with pytest.warns(UserWarning, match=r"bad\.wav"):
        assert len(cache_audio(utterances, tmp_path / "cache", RATE).skipped) == 1


def test_only_the_first_five_of_many_are_named(make: Make, tmp_path: Path) -> None:
    utterances = [break_file(make(f"bad{i}.wav", 10)) for i in range(9)]
    with pytest.raises(ManifestError) as error:
        cache_audio(utterances, tmp_path / "cache", RATE)
    assert "9 of 9" in str(error.value)
    assert [i for i in range(9) if f"bad{i}.wav" in str(error.value)] == [0, 1, 2, 3, 4]


def test_recording_that_ends_early_is_unreadable(make: Make, tmp_path: Path) -> None:
    """Half of the audio under the whole transcript would teach the network to invent."""
    utterances = [make(f"{i}.wav", 10) for i in range(199)] + [make("cut.wav", 4000)]
    whole = utterances[-1].audio.read_bytes()
    utterances[-1].audio.write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match=r"left out of the training: .*cut\.wav"):
        cache = cache_audio(utterances, tmp_path / "cache", RATE)
    assert [Path(path).name for path in cache.skipped] == ["cut.wav"]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cache_audio(utterances, tmp_path / "cache", RATE)
    assert [str(warning.message) for warning in told] == [f"left out of the training: {next(iter(cache.skipped.values()))}"]


def test_mended_recording_is_taken_again(make: Make, tmp_path: Path) -> None:
    utterances = [break_file(make("a.wav", 10))]
    with pytest.raises(ManifestError):
        cache_audio(utterances, tmp_path / "cache", RATE)
    make("a.wav", 10)
    assert len(cache_audio(utterances, tmp_path / "cache", RATE).samples(0)) == 10


def test_file_name_that_is_no_utf8_is_read(make: Make, tmp_path: Path) -> None:
    utterance = make("a.wav", 10)
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    try:
        utterance.audio.rename(path)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert len(cache_audio([Utterance("a", path, 1.0, "")], tmp_path / "cache", RATE).samples(0)) == 10


def test_no_recordings_make_an_empty_cache(tmp_path: Path) -> None:
    assert len(cache_audio([], tmp_path / "cache", RATE).durations()) == 0


@pytest.mark.parametrize("level", [1.0, -1.0, 0.99999])
def test_full_scale_stays_within_sixteen_bits(tmp_path: Path, level: float) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.full(5, level, np.float32), RATE, subtype="FLOAT")
    np.testing.assert_allclose(cache_audio([Utterance("a", path, 1.0, "")], tmp_path / "c", RATE).samples(0), level, atol=1 / 32768)
