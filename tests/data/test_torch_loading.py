"""Groups of batches for steps, dealt out to processes, prepared by workers that may die."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sounds import cached_noise
from tympan.data import Utterance
from tympan.data.cache import AudioCache, Made
from tympan.data.torch_batches import SpeechData
from tympan.data.torch_loading import Loader
from tympan.errors import TrainingError
from tympan.features import Fbank80, Normalization

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create .* worker processes")  # a test may run on one core

RATE = 16_000
COUNT = 23


class DeadlyAudio(AudioCache):
    """A cache that kills the process which reads utterance `deadly`, as a fault in a codec does; only once if `once` is a path."""

    def __init__(self, made: Made, deadly: int, once: Path | None) -> None:
        super().__init__(made)
        self.deadly, self.once = deadly, once

    def samples(self, index: int, first: int = 0, count: int | None = None) -> Any:
        if index == self.deadly and not (self.once is not None and self.once.exists()):
            if self.once is not None:
                self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().samples(index, first, count)


def data(folder: Path, deadly: int = -1, once: Path | None = None, **options: Any) -> SpeechData:
    """23 utterances of a tenth of a second to two tenths, a few in a batch."""
    counts = np.random.default_rng(0).integers(1600, 3200, COUNT)
    cache = DeadlyAudio(cached_noise(folder / "audio.pcm", counts.tolist()).made, deadly, once)
    utterances = [Utterance(f"u{i}", Path(f"{i}.wav"), count / RATE, "") for i, count in enumerate(counts)]
    return SpeechData(utterances, [[] for _ in counts], cache, range(COUNT), Fbank80(), Normalization(), 0.5, seed=5, **options)


def ids(loader: Loader) -> list[list[list[str]]]:
    return [[batch.ids for batch in group.batches] for group in loader]


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("start", [0, 4])
def test_groups_hold_every_batch_once_in_the_order_of_the_plan(tmp_path: Path, accumulate: int, start: int) -> None:
    one = data(tmp_path, start=start)
    planned = [[f"u{index}" for index in indices] for indices in one.plan(0)]
    groups = list(Loader(one, 0, accumulate))
    assert [batch.ids for group in groups for batch in group.batches] == planned[start:]
    assert all(len(group.batches) == group.total == accumulate for group in groups[:-1])
    assert [group.done for group in groups[:-1]] == list(range(start + accumulate, len(planned), accumulate))[: len(groups) - 1]
    assert groups[-1].done == len(planned) and groups[-1].total == len(groups[-1].batches)


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_processes_together_take_what_one_takes_that_accumulates_more(tmp_path: Path, world_size: int, accumulate: int) -> None:
    step = {"step_batches": accumulate * world_size}
    alone = list(Loader(data(tmp_path, **step), 0, accumulate * world_size))
    shares = [list(Loader(data(tmp_path, rank=rank, world_size=world_size, **step), 0, accumulate)) for rank in range(world_size)]
    assert {len(share) for share in shares} == {len(alone)}, "all must take as many steps, or they would wait for each other"
    for number, whole in enumerate(alone):
        parts = [share[number] for share in shares]
        assert {(part.total, part.done) for part in parts} == {(whole.total, whole.done)}
        together = sorted(batch.ids for part in parts for batch in part.batches if batch.ids)
        assert together == sorted(batch.ids for batch in whole.batches)


def test_worker_that_was_killed_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    told: list[str] = []
    expected = ids(Loader(data(tmp_path), 0))
    assert ids(Loader(data(tmp_path, deadly=11, once=tmp_path / "killed"), 2, note=told.append)) == expected
    assert (tmp_path / "killed").exists() and len(told) == 1 and "died" in told[0]


@pytest.mark.long
def test_batch_that_no_worker_survives_is_named(tmp_path: Path) -> None:
    deadly = data(tmp_path, deadly=11)
    with pytest.raises(TrainingError, match=r"die at the batch of .*\bu11\b"):
        ids(Loader(deadly, 2))


def test_epoch_of_passes_repeats_its_plan(tmp_path: Path) -> None:
    once, thrice = data(tmp_path), data(tmp_path, passes=3)
    assert thrice.plan(2) == 3 * once.plan(2)
