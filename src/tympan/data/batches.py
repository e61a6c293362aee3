"""Batches of similar length, the same in every process and after every resume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LENGTH_JITTER = 0.1  # lengths are sorted after a random change of up to 10 %, so an epoch's neighbours are not the next one's


def plan_batches(
    durations: Sequence[float] | npt.NDArray[np.float64], max_batch_seconds: float, *, seed: int, epoch: int
) -> list[list[int]]:
    """Cut utterances into batches of like length and shuffle the batches.

    Args:
        durations: seconds of each utterance.
        max_batch_seconds: bound of (longest utterance x utterances) in a batch; a single longer utterance stands alone.
        seed: of the training.
        epoch: from 0; each has its own order.

    Returns:
        Indices into `durations`, each exactly once; a function of the arguments alone, so a resumed training finds its place.
    """
    lengths = np.asarray(durations, dtype=np.float64)
    rng = np.random.default_rng([seed, epoch])
    order = np.argsort(lengths * (1 + LENGTH_JITTER * rng.random(len(lengths))), kind="stable")
    batches: list[list[int]] = []
    longest = 0.0
    for index in order.tolist():
        longest = max(longest, float(lengths[index]))
        if batches and longest * (len(batches[-1]) + 1) <= max_batch_seconds:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = float(lengths[index])
    return [batches[index] for index in rng.permutation(len(batches)).tolist()]
