"""Rotary positions: a rotation of pairs, and only the distance counts."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.rotary import rotary_tables, rotate

CPU = torch.device("cpu")


@pytest.mark.parametrize("dim", [2, 4, 32])
def test_rotation_is_a_product_of_complex_numbers(dim: int) -> None:
    """Equation 14 of arXiv:2104.09864: pair i of position m times exp(j m theta_i)."""
    x = torch.randn(2, 3, 50, dim, dtype=torch.float64)
    cos, sin = rotary_tables(50, dim, CPU)
    pairs = torch.complex(x[..., : dim // 2], x[..., dim // 2 :])
    theta = 10000.0 ** (-2 * torch.arange(dim // 2, dtype=torch.float64) / dim)
    turned = pairs * torch.exp(1j * torch.arange(50, dtype=torch.float64)[:, None] * theta)
    expected = torch.cat([turned.real, turned.imag], dim=-1)
    torch.testing.assert_close(rotate(x, cos.double(), sin.double()), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shift", [1, 17, 400])
def test_score_depends_on_the_distance_alone(shift: int) -> None:
    torch.manual_seed(0)
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)
    cos, sin = rotary_tables(500, 16, CPU)

    def score(query: int, key: int) -> float:
        return float((rotate(q, cos[query : query + 1], sin[query : query + 1]) * rotate(k, cos[key : key + 1], sin[key : key + 1])).sum())

    scores = [score(30, key) for key in (20, 29, 30, 35, 60)]
    assert [score(30 + shift, key + shift) for key in (20, 29, 30, 35, 60)] == pytest.approx(scores, abs=1e-3)
    assert max(scores) - min(scores) > 0.1, "the distance does not count at all"


def test_first_position_and_all_norms_stay() -> None:
    x = torch.randn(1, 2, 30, 8)
    y = rotate(x, *rotary_tables(30, 8, CPU))
    assert torch.equal(y[:, :, 0], x[:, :, 0])
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    assert not torch.allclose(y[:, :, 1], x[:, :, 1])


def test_half_precision_stays_half_precision() -> None:
    assert rotate(torch.randn(1, 1, 3, 4, dtype=torch.bfloat16), *rotary_tables(3, 4, CPU)).dtype == torch.bfloat16


def test_longer_tables_begin_with_the_shorter() -> None:
    for long, short in zip(rotary_tables(40, 8, CPU), rotary_tables(10, 8, CPU), strict=True):
        assert torch.equal(long[:10], short)
