"""NovoGrad: gradients divided by a running norm of their layer's, with decoupled weight decay inside the momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

EPSILON = 1e-8


class NovoGrad(Optimizer):
    """For each parameter tensor w with gradient g:

        v = |g|^2 at the first step, then beta2 v + (1 - beta2) |g|^2
        m = beta1 m + g / (sqrt(v) + epsilon) + weight_decay w
        w = w - lr m

    A layer's step does not depend on its gradient's scale, so that the learning rate is of another size than AdamW's: Jasper and
    QuartzNet take 0.01 to 0.05. v is one number a tensor, half the memory of Adam's state.

    Source: Ginsburg et al. 2019, arXiv:1905.11286, algorithm 1.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: beta1 and beta2.
        weight_decay: d of the paper.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.01,
        betas: tuple[float, float] = (0.95, 0.98),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; `closure`, if given, works out the gradients and gives the loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.move(parameter, parameter.grad, group)
        return loss

    def move(self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        """Take one parameter's step."""
        beta1, beta2 = group["betas"]
        state = self.state[parameter]
        square = gradient.square().sum().reshape(1)  # of one dimension, so that it lives where the parameter does
        if not state:
            state["square"] = square
            state["momentum"] = torch.zeros_like(parameter)
        else:
            state["square"].lerp_(square, 1 - beta2)
        normalized = gradient / (state["square"].sqrt() + EPSILON)
        state["momentum"].mul_(beta1).add_(normalized).add_(parameter, alpha=group["weight_decay"])
        parameter.sub_(state["momentum"], alpha=group["lr"])
