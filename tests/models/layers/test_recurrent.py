"""Recurrent layers over padded batches, against torch's own on each utterance alone."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.recurrent import Recurrent

LENGTHS = torch.tensor([2, 7, 5, 0])


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_utterance_is_read_as_alone(kind: str, bidirectional: bool) -> None:
    torch.manual_seed(7)
    layer, x = Recurrent(3, 4, kind=kind, bidirectional=bidirectional), torch.randn(4, 8, 3)
    read = layer(x, LENGTHS)
    assert read.shape == (4, 8, layer.output_dim)
    for row, frames in enumerate(LENGTHS.tolist()):
        if frames:
            torch.testing.assert_close(read[row, :frames], layer.rnn(x[row : row + 1, :frames])[0][0])
        assert not read[row, frames:].any()


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_summed_directions_are_the_sum_of_both_halves(kind: str) -> None:
    torch.manual_seed(7)
    summed, x = Recurrent(3, 4, kind=kind, merge="sum"), torch.randn(4, 8, 3)
    concatenated = Recurrent(3, 4, kind=kind, merge="concat")
    concatenated.load_state_dict(summed.state_dict())
    both = concatenated(x, LENGTHS)
    torch.testing.assert_close(summed(x, LENGTHS), both[..., :4] + both[..., 4:])


@pytest.mark.parametrize(("kind", "gates"), [("gru", 3), ("lstm", 4)])
def test_one_bias_computes_what_two_do_whose_second_is_zero(kind: str, gates: int) -> None:
    torch.manual_seed(7)
    one, two = Recurrent(3, 4, kind=kind, biases=1), Recurrent(3, 4, kind=kind)
    two.load_state_dict({**two.state_dict(), **one.state_dict()})
    for name, weight in two.named_parameters():
        if "bias_hh" in name:
            torch.nn.init.zeros_(weight)
    x = torch.randn(4, 8, 3)
    torch.testing.assert_close(one(x, LENGTHS), two(x, LENGTHS))
    assert sum(weight.numel() for weight in two.parameters()) - sum(weight.numel() for weight in one.parameters()) == 2 * gates * 4
