"""Where curves, transcripts and pictures go, beside the run's own files: one file a service, the same four functions in each.

A recipe names them in one line, `loggers: [tensorboard, wandb]`. Keys, addresses and accounts are read by the services' own packages,
from where these always read them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tympan.errors import TrainingError
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
    """The loggers of a recipe; at a `step` other than 0 they go on with what they wrote before.

    Raises:
        TrainingError: one of them has no account, no network, or no room.
    """
    config, sinks = recipe.model_dump(mode="json"), []
    for logger in recipe.loggers:
        try:
            sinks.append(LOGGERS[logger.name](logger, folder, folder.path.name, config, step))
        except Exception as error:  # whatever a service of others may raise
            hint = f"Leave it out of `loggers`, or keep it on this machine: {{name: {logger.name}, offline: true}}."
            raise TrainingError(f"The logger {logger.name} cannot be opened: {type(error).__name__}: {error}", hint) from error
    return sinks
