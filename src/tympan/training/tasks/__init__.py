"""What a training optimises: one file a family, and the dictionary that names them."""

from __future__ import annotations

from tympan.models.speech_model import SpeechModel
from tympan.tokens import TokenTable
from tympan.training.objectives import Objective
from tympan.training.recipe import TrainingRecipe
from tympan.training.tasks.attention import AttentionTask
from tympan.training.tasks.best_rq import BestRQTask
from tympan.training.tasks.ctc import CTCTask
from tympan.training.tasks.neural_transducer import NeuralTransducerTask
from tympan.training.tasks.task import Task
from tympan.training.tasks.transducer import TransducerTask

__all__ = ["AttentionTask", "BestRQTask", "CTCTask", "NeuralTransducerTask", "TASKS", "Task", "TransducerTask", "make_task"]

TASKS: dict[str, type[Task]] = {
    "attention": AttentionTask,
    "best-rq": BestRQTask,
    "ctc": CTCTask,
    "neural-transducer": NeuralTransducerTask,
    "transducer": TransducerTask,
}


def make_task(model: SpeechModel, tokens: TokenTable, recipe: TrainingRecipe, total_steps: int, objective: Objective | None = None) -> Task:
    """The task of the model's family; arguments as of `Task`."""
    return TASKS[model.family](model, tokens, recipe, total_steps, objective)
