"""One job over a cluster: things in, what a worker made of each out, in the order in which they are ready.

    work.start() on each worker -> function;  function(item) -> result;  spread(items, work) -> Done, Done, ...

Ray Data does the spreading: an actor a worker, which opens its model once; actors that die are started again elsewhere, and what they
held is done again, without end. Two things come on top. A ledger counts how often each item was begun, because one that ends
every process that takes it would otherwise be begun for ever. And errors are results, because one item must not end the job.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tympan import __version__
from tympan.errors import TympanError

TRIES = 3  # of an item that ended its worker, or met a network or disk that failed
PAUSE_S = 0.2  # before the second try of a failed disk or network; doubles
BLOCKS_A_WORKER = 32  # at least, so that the last blocks leave no worker idle for long
MOST_IN_BLOCK = 64
LEAST_DEATHS = 3  # of workers that could not start, one after another, before the job is given up


class Work(Protocol):
    """What is to be done; it travels to the workers."""

    def start(self) -> Callable[[Any], Any]:
        """Called once on each worker; the result is called for each item."""


@dataclass(frozen=True)
class Done:
    """One item, dealt with.

    Attributes:
        index: of the item.
        result: what the function gave; None if there is an error.
        error: why there is no result, a sentence; else empty.
        attempt: which one this is, from 1; more if workers died before.
        worker: node and process, for people.
    """

    index: int
    result: Any
    error: str
    attempt: int
    worker: str


class Ledger:
    """Counts how often each item was begun."""

    def __init__(self) -> None:
        self.begun: dict[int, set[str]] = defaultdict(set)

    def begin(self, index: int, token: str) -> int:
        """The number of this attempt, from 1; asking twice with one token counts once, as a call may be repeated by Ray."""
        self.begun[index].add(token)
        return len(self.begun[index])


class Worker:
    """What runs in each process of the job: the class that Ray Data makes an actor of."""

    def __init__(self, work: Work, ledger: Any, folder: str, version: str) -> None:
        import ray

        if version != __version__:
            raise TympanError(
                f"A worker has Tympan {__version__}, and the job was started by {version}.", "Install one version everywhere."
            )
        if os.path.isdir(folder):  # so relative paths, and messages with them, are the same as on the machine that started the job
            os.chdir(folder)
        self.ledger = ledger
        self.name = f"{ray.get_runtime_context().get_node_id()}:{os.getpid()}"
        self.function = work.start()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        done = np.empty(len(batch["index"]), dtype=object)
        for place, (index, item) in enumerate(zip(batch["index"].tolist(), batch["item"], strict=True)):
            done[place] = self.deal_with(index, item)
        return {"done": done}

    def deal_with(self, index: int, item: Any) -> Done:
        """One item; an error is a result."""
        import ray

        attempt = ray.get(self.ledger.begin.remote(index, uuid.uuid4().hex))
        if attempt > TRIES:
            return Done(
                index, None, f"{item}: the worker died {TRIES} times while it was at it. Is there memory enough?", attempt, self.name
            )
        try:
            return Done(index, self.persist(item), "", attempt, self.name)
        except TympanError as error:
            return Done(index, None, str(error), attempt, self.name)
        except OSError as error:
            return Done(index, None, f"{item}: {error.strerror or error}. It was tried {TRIES} times.", attempt, self.name)
        except Exception as error:  # told by who reads the results; the other items go on
            return Done(index, None, f"{item}: an error inside ({type(error).__name__}: {error}).", attempt, self.name)

    def persist(self, item: Any) -> Any:
        """Call the function; a disk or network that fails has a second chance."""
        for number in range(1, TRIES):
            try:
                return self.function(item)
            except OSError:
                time.sleep(PAUSE_S * 2 ** (number - 1))
        return self.function(item)


def spread(items: Sequence[Any], work: Work, *, threads: int = 1) -> Iterator[Done]:
    """Have a connected cluster do a job.

    Args:
        items: what the function takes; `str` of one must tell people which it is.
        work: what is to be done.
        threads: CPUs of each worker.

    Yields:
        One Done for each item, as they are ready.

    Raises:
        TympanError: no machine has as many CPUs, or workers cannot start at all.
    """
    if not items:
        return
    import ray
    import ray.data
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    processors = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    if 0 < max(processors) < threads:  # a cluster that grows on demand may have none yet
        raise TympanError(f"No machine of the cluster has {threads} CPUs; the largest has {max(processors)}.", "Give fewer --threads.")
    workers = max(1, min(len(items), sum(count // threads for count in processors)))
    # Tasks that wait within an actor are lost time if it dies, so one waits and not, as by default, several.
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=len(items), initial_size=workers, max_tasks_in_flight_per_actor=2)
    in_block = max(1, min(MOST_IN_BLOCK, len(items) // (workers * BLOCKS_A_WORKER)))
    # The ledger stays where the job cannot go on anyway if the machine dies: elsewhere, all would wait until its death is noticed. A soft
    # affinity was seen to put it elsewhere.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    ledger = ray.remote(Ledger).options(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here).remote()
    rows = [{"index": index, "item": item} for index, item in enumerate(items)]
    set_up_data(workers)
    arguments = {"work": work, "ledger": ledger, "folder": os.getcwd(), "version": __version__}
    blocks = ray.data.from_items(rows, override_num_blocks=-(-len(items) // in_block))
    results = blocks.map_batches(Worker, batch_size=1, compute=pool, num_cpus=threads, fn_constructor_kwargs=arguments)
    try:
        for row in results.iter_rows():
            yield row["done"]
    except ray.exceptions.RayError as error:
        raise TympanError(f"The workers cannot do their work: {cause(error)}.", "Is Tympan of this version on each machine?") from None


def set_up_data(workers: int) -> None:
    """No bars and reports of Ray Data beside ours, and patience with machines that die while a worker starts."""
    import logging

    import ray.data

    context = ray.data.DataContext.get_current()
    context.max_consecutive_actor_init_deaths = max(LEAST_DEATHS, workers)  # by default the first one ends the job
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors come as exceptions, and are told as sentences


def cause(error: BaseException) -> str:
    """The last line of Ray's story, which is the worker's own error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else type(error).__name__
    return re.sub(r"^tympan\.errors\.\w+: ", "", last).rstrip(".")
