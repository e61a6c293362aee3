"""The recipe's optimiser, with its options."""

from __future__ import annotations

import torch
from torch import nn

from tympan.training.novograd import NovoGrad
from tympan.training.optimizers import make_optimizer
from tympan.training.recipe import TrainingRecipe


def made(**options: object) -> torch.optim.Optimizer:
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    return make_optimizer(
        model, TrainingRecipe.model_validate({"learning_rate": 0.02, "weight_decay": 0.5, "betas": [0.8, 0.5], **options})
    )


def test_adamw_is_the_default() -> None:
    assert isinstance(made(), torch.optim.AdamW)


def test_novograd_gets_rate_betas_and_decay() -> None:
    optimizer = made(optimizer="novograd")
    assert isinstance(optimizer, NovoGrad)
    for group, decay in zip(optimizer.param_groups, (0.5, 0.0), strict=True):
        assert (group["lr"], tuple(group["betas"]), group["weight_decay"]) == (0.02, (0.8, 0.5), decay)


def test_only_weights_of_more_than_one_dimension_decay() -> None:
    for name in ("adamw", "novograd"):
        groups = made(optimizer=name).param_groups
        assert [[parameter.ndim for parameter in group["params"]] for group in groups] == [[2], [1, 1, 1]]
