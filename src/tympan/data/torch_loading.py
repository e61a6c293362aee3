"""Batches from worker processes, in groups for one optimiser step each, whatever befalls the workers.

    loader = Loader(data, workers=2, accumulate=4)
    for group in loader: ...                        an epoch of `data` from data.start on

What a worker prepares depends on the data's seed, epoch and place alone (`SpeechData`), so the work of one that died is done again
by another, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from tympan.data.torch_batches import Batch, SpeechData
from tympan.errors import TrainingError

PREFETCH = 8  # batches a worker prepares ahead
DEATHS = 2  # of workers without getting on; then batches are prepared one by one, and who dies names the batch


@dataclass(frozen=True)
class Group:
    """What one process trains on in one optimiser step.

    Attributes:
        batches: up to `accumulate`, in order; some may hold no utterance.
        total: batches of this step in all processes together; the loss is their mean.
        done: batches of the epoch that are done after this step, in all processes together.
    """

    batches: list[Batch]
    total: int
    done: int


@dataclass
class Planned(IterableDataset[Batch]):
    """Batches of `data` by their utterances, dealt out to the workers in turns."""

    data: SpeechData
    plan: list[list[int]]

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        torch.set_num_threads(1) if worker else None
        for indices in self.plan[first::step]:
            yield self.data.batch(indices)


class Loader:
    """Iterates over one process's share of an epoch; its order does not depend on `workers`.

    Args:
        data: whose `epoch`, `start`, `rank` and `world_size` count when an iteration begins.
        workers: processes that prepare batches; 0 prepares them in this one.
        accumulate: batches of this process for one step.
        note: told when a worker died and another does its work.

    Raises (while iterating):
        TrainingError: workers die again and again at one batch; its utterances are named.
    """

    def __init__(self, data: SpeechData, workers: int, accumulate: int = 1, note: Callable[[str], None] = lambda text: None) -> None:
        self.data, self.workers, self.accumulate, self.note = data, workers, accumulate, note

    def __iter__(self) -> Iterator[Group]:
        planned = len(self.data.plan(self.data.epoch))
        done = self.data.start
        batches: list[Batch] = []
        for batch in self.batches():
            batches.append(batch)
            total = min(len(batches) * self.data.world_size, planned - done)
            if len(batches) == self.accumulate or done + total == planned:
                done += total
                yield Group(batches, total, done)
                batches = []

    def batches(self) -> Iterator[Batch]:
        """One batch after another, with new workers for dead ones."""
        share = self.data.share()
        given = deaths = 0
        while given < len(share):
            reached, careful = given, deaths >= DEATHS
            try:
                for batch in self.open(share[given:], careful=careful):
                    given += 1
                    yield batch
                deaths = 0
            except (RuntimeError, EOFError, ConnectionError) as error:  # the latter two where it died with a batch half handed over
                if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
                    raise
                if careful:
                    raise self.blame(share[given]) from None
                deaths = 1 if given > reached else deaths + 1
                self.note("a process that prepared batches died; others do its work again")

    def open(self, plan: list[list[int]], *, careful: bool) -> DataLoader[Batch]:
        """torch's loader; a careful one has one worker that is never ahead, and ends where the dead ones may have been.

        Its generator is its own: drawing the workers' seeds from torch's would shift the dropout of a resumed training.
        """
        context = None
        if self.workers:
            context = get_context("forkserver")
            context.set_forkserver_preload([__name__])  # once, instead of in each worker of each epoch
        return DataLoader(
            Planned(self.data, plan[: self.workers * PREFETCH] if careful else plan),
            batch_size=None,
            num_workers=min(1, self.workers) if careful else self.workers,
            generator=torch.Generator().manual_seed(self.data.seed),
            prefetch_factor=None if not self.workers else 1 if careful else PREFETCH,
            multiprocessing_context=context,
        )

    def blame(self, indices: list[int]) -> TrainingError:
        """The error that names what no worker survives."""
        names = [self.data.utterances[index].id for index in indices if index < len(self.data.utterances)]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return TrainingError(
            f"The processes that prepare batches die at the batch of {', '.join(names[:5])}{more}.",
            "Is there memory enough (fewer data.workers need less), and does each of these recordings play?",
        )
