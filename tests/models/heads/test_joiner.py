"""The joiner."""

from __future__ import annotations

import torch

from tympan.models.heads.joiner import Joiner


def test_a_sum_of_projections_is_one_projection_of_both_together() -> None:
    torch.manual_seed(0)
    joiner = Joiner(5, 3, 7, dim=4)
    encoded, predicted = torch.randn(2, 5), torch.randn(2, 3)
    matrix = torch.cat((joiner.encoder_projection.weight, joiner.predictor_projection.weight), dim=1)
    hidden = torch.tanh(torch.cat((encoded, predicted), dim=1) @ matrix.T + joiner.encoder_projection.bias)
    torch.testing.assert_close(joiner(encoded, predicted), hidden @ joiner.output.weight.T + joiner.output.bias)


def test_every_frame_meets_every_text() -> None:
    torch.manual_seed(1)
    joiner = Joiner(5, 3, 7, dim=4)
    encoded, predicted = torch.randn(2, 6, 5), torch.randn(2, 4, 3)
    lattice = joiner.log_probs(encoded[:, :, None], predicted[:, None])
    assert lattice.shape == (2, 6, 4, 7)
    torch.testing.assert_close(lattice[1, 5, 2], joiner.log_probs(encoded[1, 5], predicted[1, 2]))
    torch.testing.assert_close(lattice.exp().sum(-1), torch.ones(2, 6, 4))


def test_log_probs_are_single_precision_under_autocast() -> None:
    joiner = Joiner(5, 3, 7, dim=4)
    with torch.autocast("cpu", torch.bfloat16):
        assert joiner.log_probs(torch.randn(1, 5), torch.randn(1, 3)).dtype == torch.float32
