"""The beginning of a CTC training, in which a network says nothing but blanks: how long that is normal.

An untrained network learns first that most frames are blank, because that is the cheapest half-truth, and only then where tokens are
(Graves et al. 2006; seen as a plateau of the loss). That phase ends when the rate has been high for a while, so it is counted in steps
from the warm-up.
"""

from __future__ import annotations

ALL = 0.999  # share of blank frames that counts as all
LEAST_STEPS, MOST_STEPS = 300, 4000
AFTER_WARMUP = 0.1  # of all steps


def expected_steps(total_steps: int, warmup_share: float) -> int:
    """Steps after which a network should say its first tokens: the warm-up and a tenth of the training, 300 to 4,000 of them."""
    return max(LEAST_STEPS, min(MOST_STEPS, round(total_steps * (warmup_share + AFTER_WARMUP))))


def describe_blanks(share: float, step: int, total_steps: int, warmup_share: float) -> str:
    """A sentence for whoever wonders why nothing is heard; empty if something is."""
    if share < ALL:
        return ""
    expected = expected_steps(total_steps, warmup_share)
    if step < expected:
        return f"All frames are blank, as is normal at first: expected for {expected - step:,} more steps."
    if expected >= total_steps:
        return f"All frames are blank, and the training has only {total_steps:,} steps: train for more epochs."
    return f"Still all blank after {step:,} steps: lower training.learning_rate, and check the token table (tympan train --dry-run)."
