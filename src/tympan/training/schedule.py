"""Learning rates as functions of the step alone, so that a resumed training needs only its step."""

from __future__ import annotations

import math


def one_cycle(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step`: linear from 1/25 to 1, then a cosine to 1/1000; past the end it stays there.

    Source: Smith and Topin 2018, arXiv:1708.07120; the 1/25 is theirs.
    """
    first, last = 1 / 25, 1 / 1000
    warmup = max(1, round(total_steps * warmup_share))
    if step < warmup:
        return first + (1 - first) * step / warmup
    progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * progress))


def constant(step: int, total_steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step`: linear from 1/25 to 1, then 1."""
    warmup = round(total_steps * warmup_share)
    return min(1.0, 1 / 25 + (1 - 1 / 25) * step / warmup) if warmup else 1.0


SCHEDULES = {"onecycle": one_cycle, "constant": constant}
