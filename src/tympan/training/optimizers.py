"""The optimiser that a recipe asks for."""

from __future__ import annotations

import torch
from torch import nn

from tympan.training.novograd import NovoGrad
from tympan.training.recipe import TrainingRecipe


def make_optimizer(model: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """AdamW or NovoGrad over the parameters of `model` that are trained; biases and norms are not pulled to 0."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decay = [parameter for parameter in trained if parameter.ndim > 1]
    rest = [parameter for parameter in trained if parameter.ndim <= 1]
    groups = [{"params": decay, "weight_decay": recipe.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    if recipe.optimizer == "novograd":
        return NovoGrad(groups, lr=recipe.learning_rate, betas=recipe.betas)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
