"""One run: what its callbacks share, and whom they tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from tympan.data.torch_batches import SpeechData
from tympan.tokens import TokenTable
from tympan.training.place import Place, why_over
from tympan.training.ranks import Ranks
from tympan.training.recipe import Recipe
from tympan.training.run_folder import RunFolder
from tympan.training.validation import Validation


@dataclass(frozen=True)
class Report:
    """How the steps since the last report went.

    Attributes:
        step: optimiser steps of the whole training.
        batch: of the epoch, done.
        loss: mean over the steps.
        learning_rate: of the next step.
        gradient_norm: of the last step, before clipping.
        audio_seconds_per_second: of all processes.
        waiting_share: of the time, in which the training process had no data.
        memory_bytes: the most that was used until now, of the GPU or of this process.
        blank_share: of the last batch's frames whose best token was the blank.
    """

    step: int
    batch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    audio_seconds_per_second: float
    waiting_share: float
    memory_bytes: int
    blank_share: float


class Noting(Protocol):
    """Who is told a line."""

    def note(self, text: str) -> None: ...


class Display(Noting, Protocol):
    """Where a training tells how it goes."""

    def start(self, epoch: int, epochs: int, batches: int, done: int) -> None: ...

    def step(self, report: Report) -> None: ...

    def validated(self, epoch: int, validation: Validation, seconds: float) -> None: ...

    def stop(self) -> None: ...


class Silence:
    """The display of every process but the first."""

    def note(self, text: str) -> None: ...

    def start(self, epoch: int, epochs: int, batches: int, done: int) -> None: ...

    def step(self, report: Report) -> None: ...

    def validated(self, epoch: int, validation: Validation, seconds: float) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Run:
    """What the callbacks of a training share.

    Attributes:
        recipe, folder, tokens: of the run.
        train, dev: the data.
        watch: data that is only judged, or None.
        steps: optimiser steps of the whole training.
        facts: plain data for every checkpoint (recipe, tokens, network).
        display: told how it goes.
        place: how far it is.
        ranks: the processes; one until they have met.
    """

    recipe: Recipe
    folder: RunFolder
    tokens: TokenTable
    train: SpeechData
    dev: SpeechData
    watch: SpeechData | None
    steps: int
    facts: dict[str, Any]
    display: Display
    place: Place = field(default_factory=Place)
    ranks: Ranks = field(default_factory=Ranks)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.ranks.rank == 0

    def over(self) -> str:
        """Why the training is over; empty if it is not."""
        return why_over(self.place, self.recipe.training)
