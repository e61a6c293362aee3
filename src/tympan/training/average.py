"""An exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

WARMUP_STEPS = 10  # early averages follow the weights: decay is at most (1 + n) / (10 + n) after n steps


class WeightAverage:
    """Running average of a module's parameters.

    Args:
        module: whose parameters are averaged.
        decay: share of the old average kept at each step; 0 keeps no average, and `applied` changes nothing.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = module
        self.decay = decay
        self.steps = 0
        self.weights = {name: p.detach().clone() for name, p in module.named_parameters()} if decay else {}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after an optimiser step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (WARMUP_STEPS + self.steps))
        if self.weights:
            parameters = dict(self.module.named_parameters())
            for name, weight in self.weights.items():  # where the parameters are by now: the module may have moved to a GPU
                self.weights[name] = weight.to(parameters[name].device).lerp_(parameters[name].detach(), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this block the module has the averaged weights."""
        own = {name: p.detach().clone() for name, p in self.module.named_parameters() if name in self.weights}
        try:
            self.copy(self.weights)
            yield
        finally:
            self.copy(own)

    @torch.no_grad()
    def copy(self, weights: dict[str, torch.Tensor]) -> None:
        """Write `weights` into the module's parameters."""
        for name, parameter in self.module.named_parameters():
            if name in weights:
                parameter.copy_(weights[name])
