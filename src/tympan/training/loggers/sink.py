"""What a logger takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pairs = Sequence[tuple[str, str]]  # reference, hypothesis


class Sink(Protocol):
    """One logger, open for one run; `step` counts optimiser steps."""

    @property
    def name(self) -> str: ...

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def transcripts(self, step: int, pairs: Pairs) -> None: ...

    def figure(self, step: int, name: str, figure: Figure) -> None: ...

    def close(self) -> None: ...


def markdown(pairs: Pairs) -> str:
    """The pairs as a table."""
    rows = [f"| {said.replace('|', ' ')} | {heard.replace('|', ' ')} |" for said, heard in pairs]
    return "\n".join(["| said | heard |", "|---|---|", *rows])
