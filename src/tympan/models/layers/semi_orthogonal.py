"""Linear layers whose weights are pulled towards semi-orthogonal matrices: rows of equal length, at right angles."""

from __future__ import annotations

import torch
from torch import nn

SPEED = 0.125  # the fastest convergence near a semi-orthogonal matrix; faster diverges


class SemiOrthogonal(nn.Conv1d):
    """A 1-D convolution without bias, (B, C, T) -> (B, C', T - taps + 1), for a bottleneck: C' is smaller than C * taps.

    Training alone does not keep the constraint: `constrain` has to be called after optimiser steps (Kaldi: one of four).

    Source: Povey et al. 2018, "Semi-Orthogonal Low-Rank Matrix Factorization for Deep Neural Networks", section 2.
    """

    def __init__(self, inputs: int, outputs: int, taps: int = 1) -> None:
        super().__init__(inputs, outputs, taps, bias=False)
        nn.init.normal_(self.weight, std=(inputs * taps) ** -0.5)

    @torch.no_grad()
    def constrain(self) -> None:
        """Take one step towards a multiple of a semi-orthogonal matrix."""
        matrix = self.weight.flatten(1)  # (C', C taps)
        wide = matrix.shape[0] <= matrix.shape[1]
        step = constraint_step(matrix if wide else matrix.t())
        self.weight.add_((step if wide else step.t()).view_as(self.weight))


def constraint_step(matrix: torch.Tensor) -> torch.Tensor:
    """What to add to M (rows <= columns) so that M M^T comes nearer to s^2 I.

    With P = M M^T it is -4 v / s^2 (P - s^2 I) M, a step down the gradient of |P - s^2 I|^2. The scale is free ("floating"):
    s^2 = tr(P P^T) / tr(P), for which the step is at right angles to M and leaves its length to the optimiser (section 2.2).
    v is 1/8, and less where M is far from its goal, where that would diverge.

    Source: kaldi-asr/kaldi, src/nnet3/nnet-utils.cc, ConstrainOrthonormalInternal.
    """
    exact = matrix.float()
    products = exact @ exact.t()
    trace, square = products.diagonal().sum(), products.square().sum()
    scale2 = square / trace
    spread = square * len(products) / trace**2  # 1 for a semi-orthogonal matrix, else above
    speed = SPEED * torch.where(spread > 1.1, 0.25, torch.where(spread > 1.02, 0.5, 1.0))
    goal = scale2 * torch.eye(len(products), device=matrix.device)
    return (-4 * speed / scale2 * (products - goal) @ exact).to(matrix.dtype)


def orthogonality_error(matrix: torch.Tensor) -> torch.Tensor:
    """|P / s^2 - I| in the Frobenius norm, 0 for a multiple of a semi-orthogonal matrix."""
    products = matrix @ matrix.t() if matrix.shape[0] <= matrix.shape[1] else matrix.t() @ matrix
    scale2 = products.square().sum() / products.diagonal().sum()
    error: torch.Tensor = (products / scale2 - torch.eye(len(products), device=matrix.device)).norm()
    return error
