"""Learning rates as functions of the step, and of the validations so far, so that a resumed training needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

LAST = 1 / 1000  # share of the peak at the end of those that fall to an end


def one_cycle(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step`: linear from 1/25 to 1, then a cosine to 1/1000; past the end it stays there.

    Source: Smith and Topin 2018, arXiv:1708.07120; the 1/25 is theirs.
    """
    first = 1 / 25
    warmup = max(1, round(total_steps * warmup_share))
    if step < warmup:
        return first + (1 - first) * step / warmup
    return fall(step - warmup, total_steps - warmup)


def cosine(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step`: linear from almost 0 to 1, then a cosine to 1/1000; past the end it stays there.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5, without restarts.
    """
    warmup = round(total_steps * warmup_share)
    return (step + 1) / (warmup + 1) if step < warmup else fall(step - warmup, total_steps - warmup)


def noam(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step`: linear from almost 0 to 1, then as one over the square root of the step; it has no end.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 3, divided by its peak.
    """
    warmup = max(1, round(total_steps * warmup_share))
    return min((step + 1) / warmup, math.sqrt(warmup / (step + 1)))


def constant(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step`: linear from 1/25 to 1, then 1."""
    warmup = round(total_steps * warmup_share)
    return min(1.0, 1 / 25 + (1 - 1 / 25) * step / warmup) if warmup else 1.0


def fall(step: int, steps: int) -> float:
    """Half a cosine from 1 to 1/1000."""
    return LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))


def plateau_factor(errors: Sequence[float], patience: int, factor: float) -> float:
    """What the rate is multiplied by after validations with `errors`: `factor` for each `patience` of them in a row without a new best."""
    best, waited, share = math.inf, 0, 1.0
    for error in errors:
        best, waited = (error, 0) if error < best else (best, waited + 1)
        if waited == patience:
            share, waited = share * factor, 0
    return share


# With "plateau" the factor above comes on top.
SCHEDULES = {"onecycle": one_cycle, "cosine": cosine, "noam": noam, "plateau": constant, "constant": constant}
