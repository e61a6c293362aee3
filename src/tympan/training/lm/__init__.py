"""Training of neural language models: texts become a network that says what comes next."""

from __future__ import annotations

from tympan.training.lm.export import export
from tympan.training.lm.loop import train
from tympan.training.lm.recipe import LMRecipe, check_lm_recipe

__all__ = ["LMRecipe", "check_lm_recipe", "export", "train"]
