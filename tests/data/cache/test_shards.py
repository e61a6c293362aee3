"""Shards: the same for the same recordings, cut so that little moves, and nothing that is damaged is taken for whole."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tympan.data.cache import Kept, Waveform
from tympan.data.cache.shards import MOST, Shard, ends_shard, groups, plan_shards

WAVEFORM = Waveform(8000)
PATHS = [Path(f"/corpus/{speaker}/{number}.opus") for speaker in range(60) for number in range(100)]


def test_shards_have_about_a_hundred_recordings_each_of_them_once() -> None:
    members = list(groups(PATHS))
    assert [path for group in members for path in group] == PATHS
    assert 20 < len(members) < 120 and max(map(len, members)) <= MOST


@given(place=st.integers(0, len(PATHS) - 1))
def test_a_recording_more_or_less_changes_one_shard_or_joins_two(place: int) -> None:
    before, after = set(groups(PATHS)), set(groups(PATHS[:place] + PATHS[place + 1 :]))
    assert len(before - after) <= 2 and len(after - before) <= 1


def test_borders_that_were_lost_in_a_long_run_are_found_again() -> None:
    """Without a path whose hash ends a shard, shards are cut by number; from the next such path on all is as before."""
    runs = [Path(f"/corpus/{number:05d}.wav") for number in range(3000)]
    odd, ends = ([path for path in runs if ends_shard(path) == wish] for wish in (False, True))
    one, other = (list(groups([*odd[skipped:2000], ends[0], *odd[2000:2100]])) for skipped in (0, 1))
    assert one[-1] == other[-1] and one[0] != other[0]
    assert max(map(len, one)) == MOST


def test_plan_depends_on_neither_order_nor_repetition(tmp_path: Path) -> None:
    assert plan_shards(PATHS[::-1] + PATHS[:50], tmp_path, WAVEFORM) == plan_shards(PATHS, tmp_path, WAVEFORM)


def kept(counts: Iterable[int]) -> list[Kept]:
    return [Kept(count, np.arange(count, dtype=np.int16)) for count in counts]


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    shard = Shard(tuple(tmp_path / f"{number}.wav" for number in range(3)), tmp_path / "cache" / "key.pcm")
    shard.write(WAVEFORM, [*kept([5]), "it is no audio", *kept([2])])
    return shard


def test_what_was_written_is_read(shard: Shard) -> None:
    part = shard.read(WAVEFORM)
    assert part is not None
    assert part.samples.tolist() == part.rows.tolist() == [5, 0, 2]
    assert part.errors == {1: "it is no audio"}
    assert np.fromfile(shard.data, "<i2").tolist() == [0, 1, 2, 3, 4, 0, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"rows": [5, 0, 3]},
        {"rows": [5, 2]},
        {"rows": [5, 0, 2, 0]},
        {"rows": [8, 0, -1]},
        {"rows": [5.0, 0, 2]},
        {"rows": [True, 4, 2]},
        {"rows": "502"},
        {"rows": None},
        {"rows": [10**30, 0, 0]},
        {"samples": [5]},
        {"errors": {"3": "x"}},
        {"errors": {"-1": "x"}},
        {"errors": {"one": "x"}},
        {"errors": []},
        None,
    ],
)
def test_a_list_that_does_not_fit_is_as_none(shard: Shard, change: dict[str, Any] | None) -> None:
    facts = json.loads(shard.list.read_text())
    shard.list.write_text(json.dumps({**facts, **change} if change is not None else []))
    assert shard.read(WAVEFORM) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_list_that_is_no_json_is_as_none(shard: Shard, content: bytes) -> None:
    shard.list.write_bytes(content)
    assert shard.read(WAVEFORM) is None


def test_data_that_is_cut_or_gone_is_as_none(shard: Shard) -> None:
    shard.data.write_bytes(shard.data.read_bytes()[:-1])
    assert shard.read(WAVEFORM) is None
    shard.data.unlink()
    assert shard.read(WAVEFORM) is None
