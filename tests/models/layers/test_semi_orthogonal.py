"""The step towards semi-orthogonal matrices, and where training takes it."""

from __future__ import annotations

import pytest
import torch

from tympan.models.encoders import TDNNF
from tympan.models.layers.semi_orthogonal import SemiOrthogonal, constraint_step, orthogonality_error


def rows(count: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_multiple_of_a_semi_orthogonal_matrix_stays(scale: float) -> None:
    matrix = scale * torch.linalg.qr(rows(9, 4))[0].t().float()
    assert float(constraint_step(matrix).abs().max()) < 1e-5 * scale
    assert float(orthogonality_error(matrix)) < 1e-5


def test_step_goes_down_the_gradient_of_the_distance() -> None:
    """-v / s^2 times the gradient of |M M^T - s^2 I|^2 for a fixed s; v is 1/8 near the goal."""
    near = (torch.linalg.qr(rows(12, 5))[0].t() + 0.005 * rows(5, 12, 1)).float().requires_grad_()
    with torch.no_grad():
        products = near @ near.t()
        scale2 = products.square().sum() / products.trace()
    (near @ near.t() - scale2 * torch.eye(5)).square().sum().backward()
    assert near.grad is not None
    torch.testing.assert_close(constraint_step(near.detach()), -0.125 / scale2 * near.grad, atol=1e-7, rtol=1e-4)


def test_step_is_at_right_angles_to_the_matrix() -> None:
    matrix = rows(6, 20).float()
    step = constraint_step(matrix)
    assert abs(float((step * matrix).sum())) < 1e-4 * float(step.norm() * matrix.norm())


@pytest.mark.parametrize(("inputs", "outputs", "taps"), [(16, 6, 2), (16, 6, 1), (4, 12, 1)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_repeated_steps_reach_the_constraint_from_fresh_weights(inputs: int, outputs: int, taps: int, seed: int) -> None:
    torch.manual_seed(seed)
    layer = SemiOrthogonal(inputs, outputs, taps)
    before = float(orthogonality_error(layer.weight.detach().flatten(1)))
    for _ in range(200):
        layer.constrain()
    assert before > 0.3
    assert float(orthogonality_error(layer.weight.detach().flatten(1))) < 1e-3


def test_encoder_constrains_every_fourth_step_and_no_other() -> None:
    torch.manual_seed(0)
    encoder = TDNNF(20, dim=16, bottleneck=6, layers=4, prefinal=8)
    constrained = [layer for layer in encoder.modules() if isinstance(layer, SemiOrthogonal)]
    assert len(constrained) == 4 + 2
    for step in range(1, 9):
        before = [layer.weight.clone() for layer in constrained]
        encoder.after_step(step)
        moved = [not torch.equal(layer.weight, old) for layer, old in zip(constrained, before, strict=True)]
        assert moved == [step % 4 == 0] * len(constrained)
