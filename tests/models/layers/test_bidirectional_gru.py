from __future__ import annotations

import torch

from tympan.models.layers.bidirectional_gru import BidirectionalGRU


def test_backward_direction_starts_at_each_utterances_own_end() -> None:
    torch.manual_seed(7)
    layer, lengths, x = BidirectionalGRU(3, 4), torch.tensor([2, 7, 5]), torch.randn(3, 8, 3)
    read = layer(x, lengths)
    for row, frames in enumerate(lengths.tolist()):
        torch.testing.assert_close(read[row, :frames], layer.gru(x[row : row + 1, :frames])[0][0])
        assert read[row, frames:].abs().sum() == 0


def test_empty_utterance_gives_zeros() -> None:
    layer = BidirectionalGRU(3, 4)
    assert layer(torch.randn(2, 5, 3), torch.tensor([5, 0]))[1].abs().sum() == 0


def test_without_lengths_padding_is_read() -> None:
    layer, x = BidirectionalGRU(3, 4), torch.randn(1, 6, 3)
    assert not torch.allclose(layer(x, None)[:, :4], layer(x, torch.tensor([4]))[:, :4])


def test_parameters_are_those_of_keras_with_two_bias_vectors() -> None:
    count = sum(weight.numel() for weight in BidirectionalGRU(1568, 512).parameters())
    assert count == 6_395_904 == 2 * 3 * (512 * (1568 + 512) + 2 * 512)
