from __future__ import annotations

import torch

from tympan.models.layers.lookahead import Lookahead


def test_frame_is_the_weighted_sum_of_itself_and_the_next() -> None:
    torch.manual_seed(0)
    layer, x = Lookahead(3, 4), torch.randn(2, 6, 3)
    weights = layer.conv.weight[:, 0]  # (D, taps)
    for t in range(6):
        expected = sum(weights[:, tap] * x[:, t + tap] for tap in range(4) if t + tap < 6)
        torch.testing.assert_close(layer(x)[:, t], expected)


def test_a_weight_for_each_channel_and_frame_and_no_bias() -> None:
    assert sum(weight.numel() for weight in Lookahead(1024, 20).parameters()) == 1024 * 20
