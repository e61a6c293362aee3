"""Batches of similar length, the same in every process and after every resume.

    durations -> sorted by length, nearly -> cut into batches -> groups of `world_size` neighbours, a step each -> steps shuffled

The plan is arithmetic on the durations: nothing is streamed, buffered or remembered. A resumed training finds its place by an
index, and each of several processes knows what all of them do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LENGTH_JITTER = 0.1  # lengths are sorted after a random change of up to 10 %, so an epoch's neighbours are not the next one's


def plan_batches(
    durations: Sequence[float] | npt.NDArray[np.float64],
    max_batch_seconds: float,
    *,
    seed: int,
    epoch: int,
    world_size: int = 1,
    shortest_first: bool = False,
) -> list[list[int]]:
    """Cut utterances into batches of like length and shuffle the steps.

    Args:
        durations: seconds of each utterance.
        max_batch_seconds: bound of (longest utterance x utterances) in a batch; a single longer utterance stands alone.
        seed: of the training.
        epoch: from 0; each has its own order.
        world_size: processes that train together.
        shortest_first: the first epoch goes from short batches to long ones; later epochs are shuffled as ever.

    Returns:
        Indices into `durations`, each exactly once; a function of the arguments alone. The number of batches is a multiple of
        world_size: step s is batches[s * world_size : (s + 1) * world_size], of like length, and rank r takes
        batches[r::world_size]. Only where an epoch has fewer utterances than are needed for that, some come twice.

    Source: shortest_first is SortaGrad, Amodei et al. 2016, Deep Speech 2, arXiv:1512.02595, section 3.2.
    """
    lengths = np.asarray(durations, dtype=np.float64)
    rng = np.random.default_rng([seed, epoch])
    order = np.argsort(lengths * (1 + LENGTH_JITTER * rng.random(len(lengths))), kind="stable").tolist()
    batches = cut(order, lengths, max_batch_seconds)
    if odd := len(batches) % world_size:
        # The incomplete step is that of the shortest, which are many to a batch and so can be parted.
        batches[:odd] = part(batches[:odd], lengths, world_size, order)
    steps = len(batches) // world_size
    places = np.arange(steps) if shortest_first and epoch == 0 else rng.permutation(steps)
    within = np.argsort(rng.random((steps, world_size)), axis=1)  # else rank 0 would always have the shortest of a step
    return [batches[place * world_size + turn] for place, turns in zip(places, within, strict=True) for turn in turns]


def cut(order: Sequence[int], lengths: npt.NDArray[np.float64], max_batch_seconds: float) -> list[list[int]]:
    """Utterances in this order as batches within the bound."""
    batches: list[list[int]] = []
    longest = 0.0
    for index in order:
        longest = max(longest, float(lengths[index]))
        if batches and longest * (len(batches[-1]) + 1) <= max_batch_seconds:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = float(lengths[index])
    return batches


def part(batches: Sequence[list[int]], lengths: npt.NDArray[np.float64], wanted: int, order: Sequence[int]) -> list[list[int]]:
    """The same utterances in `wanted` batches: the largest is halved again and again; where all are single, the first of `order` return."""
    parts = list(batches)
    while len(parts) < wanted:
        sizes = [len(batch) * lengths[batch].max() if len(batch) > 1 else -1.0 for batch in parts]
        largest = int(np.argmax(sizes))
        if sizes[largest] < 0:
            return [*parts, *([order[place % len(order)]] for place in range(wanted - len(parts)))]
        batch = parts[largest]
        parts[largest : largest + 1] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
    return parts
