from __future__ import annotations

import torch
from torch import nn

from tympan.models.layers.masked_batch_norm import MaskedBatchNorm


def test_padded_batch_has_the_statistics_of_its_valid_frames_alone() -> None:
    torch.manual_seed(7)
    lengths = torch.tensor([6, 2, 0])
    x = 3 + 2 * torch.randn(3, 4, 6, 5)  # (B, C, T, F)
    norm, plain = MaskedBatchNorm(4, eps=1e-3, momentum=0.3), nn.BatchNorm2d(4, eps=1e-3, momentum=0.3)
    normalised = norm(x, lengths)
    expected = plain(torch.cat([x[:1], x[1:2, :, :2]], dim=2))
    torch.testing.assert_close(normalised[0], expected[0, :, :6])
    torch.testing.assert_close(normalised[1, :, :2], expected[0, :, 6:])
    for key, value in norm.norm.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[key])


def test_batch_without_a_valid_frame_leaves_finite_statistics() -> None:
    norm = MaskedBatchNorm(2)
    assert norm(torch.ones(1, 2, 3, 4), torch.tensor([0])).isfinite().all()
    assert norm.norm.running_var.isfinite().all()


def test_evaluation_uses_running_statistics() -> None:
    norm = MaskedBatchNorm(2)
    norm.norm.running_mean.fill_(5.0)
    x = torch.full((1, 2, 3, 4), 5.0)
    torch.testing.assert_close(norm.eval()(x, torch.tensor([1])), torch.zeros_like(x))
