"""Where curves, transcripts and pictures go, beside the run's own files: one file a service, the same four functions in each.

A recipe names them in one line, `loggers: [tensorboard, wandb]`. Keys, addresses and accounts are read by the services' own packages,
from where these always read them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tympan.extras import require
from tympan.training.loggers.comet import open_comet
from tympan.training.loggers.mlflow import open_mlflow
from tympan.training.loggers.sink import Sink
from tympan.training.loggers.tensorboard import open_tensorboard
from tympan.training.loggers.wandb import open_wandb
from tympan.training.recipe import LoggerRecipe, Recipe
from tympan.training.run_folder import RunFolder

__all__ = ["LOGGERS", "Sink", "check_installed", "open_comet", "open_mlflow", "open_sinks", "open_tensorboard", "open_wandb"]

LOGGERS: dict[str, Callable[[LoggerRecipe, RunFolder, str, dict[str, Any], int], Sink]] = {
    "comet": open_comet,
    "mlflow": open_mlflow,
    "tensorboard": open_tensorboard,
    "wandb": open_wandb,
}


def check_installed(recipe: Recipe) -> None:
    """MissingExtraError if a logger's package is not there: not after hours of preparation, now."""
    for logger in recipe.loggers:
        require("train" if logger.name == "tensorboard" else logger.name, f"The logger {logger.name}")


def open_sinks(recipe: Recipe, folder: RunFolder, step: int) -> list[Sink]:
    """The loggers of a recipe; at a `step` other than 0 they go on with what they wrote before."""
    config = recipe.model_dump(mode="json")
    return [LOGGERS[logger.name](logger, folder, folder.path.name, config, step) for logger in recipe.loggers]
