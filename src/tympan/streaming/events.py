"""What a stream tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tympan.transcript import Segment

Reason = Literal["endpoint", "flush", "finish", "max_length"]


@dataclass(frozen=True)
class Partial:
    """What seems to have been said in the piece that is under way.

    Attributes:
        text: may change, except for its first words.
        stable: how many of its first words never change.
        start, end: seconds of the audio that it covers.
    """

    text: str
    stable: int
    start: float
    end: float


@dataclass(frozen=True)
class Final:
    """A piece that is done.

    Attributes:
        number: of the piece, from 0.
        segment: its words with times and confidences.
        reason: why it ended.
    """

    number: int
    segment: Segment
    reason: Reason
