"""Training objectives: one file a member, all of them called with log_probs, lengths and targets."""

from __future__ import annotations

from collections.abc import Sequence

from tympan.training.objectives.blank_penalty import BlankPenaltyCTC
from tympan.training.objectives.crf import CTCCRF
from tympan.training.objectives.ctc import CTC, ctc_loss, impossible
from tympan.training.objectives.graph import estimate_graph
from tympan.training.objectives.objective import Objective
from tympan.training.objectives.priors import PriorCTC
from tympan.training.objectives.smoothing import SmoothedCTC
from tympan.training.recipe import (
    BlankPenaltyRecipe,
    CRFRecipe,
    ObjectiveRecipe,
    PriorRecipe,
    SmoothingRecipe,
)

__all__ = [
    "BlankPenaltyCTC",
    "CTC",
    "CTCCRF",
    "Objective",
    "PriorCTC",
    "SmoothedCTC",
    "build_objective",
    "ctc_loss",
    "estimate_graph",
    "impossible",
]


def build_objective(recipe: ObjectiveRecipe, num_tokens: int, targets: Sequence[Sequence[int]]) -> Objective:
    """The objective that a recipe asks for.

    Args:
        recipe: its section `training.objective`.
        num_tokens: V, with the blank.
        targets: token indices of the training transcripts, of which the denominator's n-gram is estimated.

    Raises:
        RecipeError: the transcripts do not allow it.
    """
    match recipe:
        case SmoothingRecipe():
            return SmoothedCTC(recipe.weight)
        case BlankPenaltyRecipe():
            return BlankPenaltyCTC(recipe.penalty)
        case PriorRecipe():
            return PriorCTC(num_tokens, recipe.weight, recipe.decay)
        case CRFRecipe():
            return CTCCRF(estimate_graph(targets, num_tokens, order=recipe.order, max_ngrams=recipe.max_ngrams), recipe.ctc_weight)
        case _:
            return CTC()
