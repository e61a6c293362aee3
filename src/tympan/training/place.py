"""Where a training stands: what a resumed one must know beside weights and random states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tympan.training.recipe import TrainingRecipe

BestBy = Literal["wer", "loss"]


@dataclass
class Place:
    """Counters and records of a training.

    Attributes:
        epoch: which is trained on, from 0.
        batch: of this epoch's plan that are done, in all processes together.
        history: a row of rates for each validation.
        losses: since the last line of the log.
        skipped: id -> why, of training utterances that could not be used on the way.
        bad_steps: steps without a finite loss or gradient, one after the other, until now.
    """

    epoch: int = 0
    batch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    bad_steps: int = 0

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Place:
        """The place that a checkpoint's facts tell."""
        return cls(**{name: facts[name] for name in cls.__dataclass_fields__ if name in facts})

    def facts(self) -> dict[str, Any]:
        """Plain data for a checkpoint, a copy."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "history": [dict(row) for row in self.history],
            "losses": list(self.losses),
            "skipped": dict(self.skipped),
            "bad_steps": self.bad_steps,
        }

    def epochs_without_gain(self, best_by: BestBy = "wer") -> int:
        """Validations since the first with the lowest rates."""
        found = [rates(row, best_by) for row in self.history]
        return len(found) - 1 - found.index(min(found)) if found else 0


def ranked(history: list[dict[str, float]], best_by: BestBy = "wer") -> list[dict[str, float]]:
    """The rows by (WER, CER) or by the loss, the best first; of equals the later, which has learned longer and at a lower rate."""
    order = sorted(range(len(history)), key=lambda place: (*rates(history[place], best_by), -place))
    return [history[place] for place in order]


def rates(row: dict[str, float], best_by: BestBy) -> tuple[float, ...]:
    """What makes a validation better than another: less of these."""
    return (row["loss"],) if best_by == "loss" else (row["wer"], row["cer"])


def why_over(place: Place, recipe: TrainingRecipe) -> str:
    """Why a training is over; empty if it is not."""
    if place.epoch >= recipe.max_epochs:
        return f"all {recipe.max_epochs} epochs are done"
    if recipe.patience and place.epochs_without_gain(recipe.best_by) >= recipe.patience:
        return f"the {recipe.best_by.replace('wer', 'WER')} has not fallen for {recipe.patience} epochs"
    return ""
