"""Making a cache: each recording decoded once, also by several processes and after a kill; again when it changed; whole or refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tympan import audio
from tympan.data import Utterance
from tympan.data.cache import AudioCache, Lengths, Waveform, cache_audio, plan_cache, shards
from tympan.errors import ManifestError

RATE = 8000


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two recordings, on average."""
    monkeypatch.setattr(shards, "MEAN", 2)


def break_file(utterance: Utterance) -> Utterance:
    utterance.audio.write_bytes(b"this is not audio")
    return utterance


def same(cache: AudioCache, utterances: list[Utterance], rate: int = RATE) -> bool:
    found = [cache.samples(index) for index in range(len(utterances))]
    expected = [audio.read(utterance.audio, rate) for utterance in utterances]
    return all(len(one) == len(other) and np.allclose(one, other, atol=1 / 32768) for one, other in zip(found, expected, strict=True))


def test_samples_are_those_of_the_recordings_in_the_order_of_the_utterances(make: Any, tmp_path: Path, small_shards: None) -> None:
    utterances = [make(f"{count}.wav", count) for count in (100, 1, 8000, 40, 7)]
    cache = cache_audio(utterances, tmp_path / "cache", RATE)
    for index, utterance in enumerate(utterances):
        samples = cache.samples(index)
        assert samples.dtype == np.float32
        assert np.array_equal(samples, audio.read(utterance.audio, RATE))
    assert cache.lengths.tolist() == [100, 1, 8000, 40, 7] and cache.durations()[2] == 1.0
    assert cache.skipped == {} and cache.sample_rate == RATE


def test_recording_that_stands_twice_is_decoded_once(make: Any, tmp_path: Path, decoded: list[str]) -> None:
    one = make("a.wav", 50)
    cache = cache_audio([one, make("b.wav", 20), Utterance("again", one.audio, 1.0, "")], tmp_path / "cache", RATE)
    assert sorted(decoded) == ["a.wav", "b.wav"]
    assert np.array_equal(cache.samples(0), cache.samples(2))


def test_second_call_decodes_nothing_whatever_the_order(make: Any, tmp_path: Path, decoded: list[str]) -> None:
    utterances = [make(f"{number}.wav", 10 + number) for number in range(9)]
    cache_audio(utterances, tmp_path / "cache", RATE)
    decoded.clear()
    assert same(cache_audio(utterances[::-1], tmp_path / "cache", RATE), utterances[::-1])
    assert len(decoded) == 9  # those of the comparison
    assert plan_cache(utterances, tmp_path / "cache", Waveform(RATE)).bytes_needed == 0


@pytest.mark.parametrize("change", ["content", "time", "rate", "one more", "one less"])
def test_what_changed_is_decoded_anew_and_little_else(
    make: Any, tmp_path: Path, decoded: list[str], small_shards: None, change: str
) -> None:
    utterances = [make(f"{number:02d}.wav", 10 + number) for number in range(40)]
    cache_audio(utterances, tmp_path / "cache", RATE)
    rate = RATE
    if change == "content":
        utterances[20] = make("20.wav", 500)
    elif change == "time":
        status = utterances[20].audio.stat()
        os.utime(utterances[20].audio, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    elif change == "rate":
        rate = 16_000
    elif change == "one more":
        utterances.insert(0, make("155.wav", 5))
    else:
        del utterances[20]
    decoded.clear()
    cache = cache_audio(utterances, tmp_path / "cache", rate)
    if change == "rate":
        assert len(decoded) == 40
    else:
        assert len(decoded) <= 12  # at most the shards beside it
        assert len(decoded) > 0 or change == "one less"
    assert same(cache, utterances, rate)


def test_mended_recording_is_taken_again(make: Any, tmp_path: Path) -> None:
    utterances = [break_file(make("a.wav", 10))]
    with pytest.raises(ManifestError):
        cache_audio(utterances, tmp_path / "cache", RATE)
    make("a.wav", 10)
    assert len(cache_audio(utterances, tmp_path / "cache", RATE).samples(0)) == 10


SCRIPT = """
import os, signal, sys
from pathlib import Path
from tympan import audio
from tympan.data.cache import cache_audio, shards
from tympan.data import Utterance

shards.MEAN = 2
folder, count, kill_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
read = audio.read

def record(path, rate):
    with open(folder / "decoded.txt", "a") as file:
        file.write(path.name + "\\n")
    return read(path, rate)

audio.read = record

def progress(done):
    if done == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

utterances = [Utterance(str(i), folder / "clips" / f"{i:02d}.wav", 0.1, "") for i in range(count)]
cache = cache_audio(utterances, folder / "cache", 8000, progress)
print(sum(len(cache.samples(i)) for i in range(count)))
"""


def start(folder: Path, count: int, kill_at: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), str(count), str(kill_at)], stdout=subprocess.PIPE, text=True)


def test_several_processes_share_the_work_and_decode_nothing_twice(make: Any, tmp_path: Path) -> None:
    total = sum(len(make(f"{number:02d}.wav", 200 + number).audio.read_bytes()) - 44 for number in range(30)) // 2
    processes = [start(tmp_path, 30) for _ in range(3)]
    assert [int(process.communicate()[0]) for process in processes] == [total] * 3
    assert sorted((tmp_path / "decoded.txt").read_text().split()) == [f"{number:02d}.wav" for number in range(30)]
    assert {path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()} == {".pcm", ".json"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_killed_half_way_it_goes_on_where_it_was(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utterances = [make(f"{number:02d}.wav", 200 + number) for number in range(30)]
    killed = start(tmp_path, 30, kill_at=17)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    whole = {path.stem for path in (tmp_path / "cache").rglob("*.json")}
    assert whole and list((tmp_path / "cache").rglob(".*.tmp")), "the kill came between two shards"
    (tmp_path / "decoded.txt").unlink()
    process = start(tmp_path, 30)
    assert int(process.communicate()[0]) == sum(range(200, 230))
    monkeypatch.setattr(shards, "MEAN", 2)
    plan = plan_cache(utterances, tmp_path / "cache", Waveform(RATE))
    again = (tmp_path / "decoded.txt").read_text().split()
    assert sorted(again) == sorted(path.name for shard in plan.shards for path in shard.recordings if shard.data.stem not in whole)
    assert not list((tmp_path / "cache").rglob(".*"))


def test_interrupted_it_leaves_no_half_of_a_shard(make: Any, tmp_path: Path) -> None:
    utterances = [make("a.wav", 10), make("b.wav", 20)]

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache_audio(utterances, tmp_path / "cache", RATE, stop)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(cache_audio(utterances, tmp_path / "cache", RATE).samples(1)) == 20


def test_progress_counts_to_the_number_of_recordings(make: Any, tmp_path: Path, small_shards: None) -> None:
    utterances = [make(f"{i}.wav", 10) for i in range(7)]
    told: list[int] = []
    cache_audio(utterances[:3], tmp_path / "cache", RATE)
    cache_audio(utterances, tmp_path / "cache", RATE, told.append)
    assert told == sorted(told) and told[-1] == 7


def test_more_than_one_unreadable_in_a_hundred_stops_with_their_names(make: Any, tmp_path: Path) -> None:
    utterances = [make(f"{i}.wav", 10) for i in range(199)] + [break_file(make("bad.wav", 10))]
    with pytest.warns(UserWarning, match=r"left out of the training: .*bad\.wav"):
        cache = cache_audio(utterances, tmp_path / "cache", RATE)  # 1 in 200
    assert list(cache.skipped) == [199] and "bad.wav" in cache.skipped[199]
    assert len(cache.samples(199)) == 0 and len(cache.samples(198)) == 10

    missing = [Utterance("gone", tmp_path / "gone.wav", 1.0, ""), Utterance("folder", tmp_path, 1.0, "")]
    with pytest.raises(ManifestError) as error:
        cache_audio(utterances + missing, tmp_path / "cache", RATE)  # 3 in 202
    for part in ("3 of 202", "bad.wav", "gone.wav", str(tmp_path)):
        assert part in str(error.value)


def test_exactly_one_in_a_hundred_may_be_unreadable(make: Any, tmp_path: Path) -> None:
    utterances = [make(f"{i}.wav", 10) for i in range(99)] + [break_file(make("bad.wav", 10))]
    with pytest.warns(UserWarning, match=r"bad\.wav"):
        assert len(cache_audio(utterances, tmp_path / "cache", RATE).skipped) == 1


def test_only_the_first_five_of_many_are_named(make: Any, tmp_path: Path) -> None:
    utterances = [break_file(make(f"bad{i}.wav", 10)) for i in range(9)]
    with pytest.raises(ManifestError) as error:
        cache_audio(utterances, tmp_path / "cache", RATE)
    assert "9 of 9" in str(error.value)
    assert [i for i in range(9) if f"bad{i}.wav" in str(error.value)] == [0, 1, 2, 3, 4]


def test_recording_that_ends_early_is_unreadable_now_and_from_the_cache(make: Any, tmp_path: Path) -> None:
    """Half of the audio under the whole transcript would teach the network to invent."""
    utterances = [make(f"{i}.wav", 10) for i in range(199)] + [make("cut.wav", 4000)]
    whole = utterances[-1].audio.read_bytes()
    utterances[-1].audio.write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match=r"left out of the training: .*cut\.wav"):
        cache = cache_audio(utterances, tmp_path / "cache", RATE)
    assert list(cache.skipped) == [199]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cache_audio(utterances, tmp_path / "cache", RATE)
    assert [str(warning.message) for warning in told] == [f"left out of the training: {cache.skipped[199]}"]


def test_file_name_that_is_no_utf8_is_read(make: Any, tmp_path: Path) -> None:
    utterance = make("a.wav", 10)
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    try:
        utterance.audio.rename(path)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert len(cache_audio([Utterance("a", path, 1.0, "")], tmp_path / "cache", RATE).samples(0)) == 10


def test_no_recordings_make_an_empty_cache(tmp_path: Path) -> None:
    assert len(cache_audio([], tmp_path / "cache", RATE).durations()) == 0


def test_room_that_is_needed_is_told_before_anything_is_written(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    utterances = [make("a.wav", 8000), make("b.wav", 4000)]
    plan = plan_cache(utterances, tmp_path / "cache", Waveform(RATE))
    assert plan.bytes_needed == 24_000
    assert plan_cache(utterances, tmp_path / "cache", Lengths(RATE)).bytes_needed == 0
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, (64 << 20) + 23_999))
    with pytest.raises(ManifestError, match=r"needs about 0 MB in .*cache, where 0 MB are free.*cache_kind: none"):
        plan.make()
    assert not decoded and not (tmp_path / "cache").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, (64 << 20) + 24_000))
    plan.make()
    assert plan_cache(utterances, tmp_path / "cache", Waveform(RATE)).bytes_needed == 0


def test_a_disk_that_is_full_on_the_way_is_a_sentence(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "write_atomically", full)
    with pytest.raises(ManifestError, match=r"cannot be written: No space left on device.*Make room"):
        cache_audio([make("a.wav", 10)], tmp_path / "cache", RATE)
