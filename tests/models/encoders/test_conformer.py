"""The Conformer: lengths in closed form, blind to padding and neighbours, able to learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tympan.models.encoders import Conformer

TINY: dict[str, Any] = {"dim": 16, "layers": 3, "heads": 2, "kernel": 5, "expansion": 2}


def tiny(**changes: Any) -> Conformer:
    torch.manual_seed(7)
    return Conformer(**{"num_features": 9, **TINY, **changes}).eval()


@pytest.mark.parametrize("subsampling", [4, 8])
def test_output_lengths_are_those_of_the_tensor_for_every_length_up_to_200(subsampling: int) -> None:
    encoder = tiny(subsampling=subsampling, layers=1, dim=4, heads=1)
    promised = encoder.output_lengths(torch.arange(201))
    assert promised[0] == 0
    with torch.no_grad():
        for frames in range(1, 201):
            encoded, lengths = encoder(torch.zeros(1, frames, 9), torch.tensor([frames]))
            assert encoded.shape == (1, int(promised[frames]), 4)
            assert lengths.tolist() == [int(promised[frames])]


@pytest.mark.parametrize("subsampling", [4, 8])
def test_utterance_in_a_batch_is_read_as_alone(subsampling: int) -> None:
    encoder = tiny(subsampling=subsampling)
    lengths = torch.tensor([97, 1, 64, 0, 33, 8])
    features = torch.randn(6, 103, 9)
    features[torch.arange(103) >= lengths[:, None]] = float("nan")
    with torch.no_grad():
        encoded, encoded_lengths = encoder(features, lengths)
        assert torch.isfinite(encoded).all()
        for row, frames in enumerate(lengths.tolist()):
            if frames:
                alone, _ = encoder(features[row : row + 1, :frames], lengths[row : row + 1])
                torch.testing.assert_close(encoded[row, : encoded_lengths[row]], alone[0], atol=1e-5, rtol=0)


def test_attention_reaches_the_whole_utterance() -> None:
    encoder = tiny(kernel=1)
    features = torch.randn(1, 400, 9, requires_grad=True)
    encoder(features, torch.tensor([400]))[0][0, 0].square().sum().backward()
    assert features.grad is not None
    assert (features.grad[0].abs().sum(dim=1) > 0).all()


def test_gradient_reaches_every_parameter_but_not_the_padding() -> None:
    encoder = tiny(dropout=0.0).train()
    features = torch.randn(2, 40, 9, requires_grad=True)
    lengths = torch.tensor([40, 23])
    encoded, found = encoder(features, lengths)
    weights = torch.randn(encoded.shape)  # the sum of a LayerNorm's squares is constant
    (encoded * weights)[torch.arange(encoded.shape[1]) < found[:, None]].sum().backward()
    unreached = [name for name, weight in encoder.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert unreached == []
    assert features.grad is not None
    assert (features.grad[1, :23].abs().sum(dim=1) > 0).all()
    assert not features.grad[1, 23:].any()


def test_neighbours_in_the_batch_do_not_matter_in_training() -> None:
    encoder = tiny(dropout=0.0).train()
    features, lengths = torch.randn(2, 40, 9), torch.tensor([40, 40])
    other = torch.stack([features[0], torch.randn(40, 9) * 100])
    assert torch.equal(encoder(features, lengths)[0][0], encoder(other, lengths)[0][0])


def test_training_without_dropout_equals_evaluation() -> None:
    encoder = tiny(dropout=0.0)
    features, lengths = torch.randn(2, 40, 9), torch.tensor([40, 21])
    evaluated, found = encoder(features, lengths)
    trained, _ = encoder.train()(features, lengths)
    for row, frames in enumerate(found.tolist()):
        torch.testing.assert_close(trained[row, :frames], evaluated[row, :frames], atol=1e-5, rtol=0)


def test_taps_are_called_behind_their_blocks_and_their_result_goes_on() -> None:
    encoder = tiny(taps=(1, 2))
    features, lengths = torch.randn(1, 16, 9), torch.tensor([16])
    calls: list[int] = []

    def watch(block: int, x: torch.Tensor) -> torch.Tensor:
        calls.append(block)
        return x

    untouched, _ = encoder(features, lengths, watch)
    assert calls == [1, 2]
    assert torch.equal(untouched, encoder(features, lengths)[0])
    changed, _ = encoder(features, lengths, lambda block, x: x.flip(-1) if block == 2 else x)
    assert not torch.allclose(changed, untouched)


@pytest.mark.parametrize("layer_drop", [0.0, 0.5])
def test_layers_are_dropped_at_their_rate_in_training_only(layer_drop: float) -> None:
    encoder = tiny(layer_drop=layer_drop, dropout=0.0)
    calls = [0, 0, 0]

    def count(index: int) -> None:
        calls[index] += 1

    for index, block in enumerate(encoder.blocks):
        block.register_forward_hook(lambda *_, index=index: count(index))
    features, lengths = torch.randn(1, 8, 9), torch.tensor([8])
    with torch.no_grad():
        encoder(features, lengths)
        assert calls == [1, 1, 1]
        encoder.train()
        for _ in range(200):
            encoder(features, lengths)
    assert calls[0] == 201, "the first block is never dropped"
    for index in (1, 2):
        expected = 200 * (1 - layer_drop * index / 2)
        assert abs(calls[index] - 1 - expected) < 35


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"dim": 18, "heads": 4}, "18 is not a multiple of 2 x 4"),
        ({"kernel": 4}, "kernel 4"),
        ({"subsampling": 3}, "subsampling 3"),
        ({"taps": (3,)}, "taps"),
        ({"taps": (0,)}, "taps"),
        ({"dropout": 1.0}, "dropout 1.0"),
        ({"layer_drop": 1.5}, "layer_drop 1.5"),
        ({"layer_drop": -0.1}, "layer_drop -0.1"),
        ({"heads": 0}, "heads 0"),
        ({"layers": 0}, "layers 0"),
        ({"dim": 0}, "dim 0"),
        ({"expansion": 0}, "expansion 0"),
        ({"dim": -16}, "dim -16"),
    ],
)
def test_impossible_option_is_named(options: dict[str, Any], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        tiny(**options)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [1, 4])
def test_in_chunks_nothing_after_the_chunk_is_heard(size: int, training: bool) -> None:
    encoder = tiny(dropout=0.0, left=8).train(training)
    features, lengths = torch.randn(1, 200, 9), torch.tensor([200])
    sizes = torch.tensor([size])
    with torch.no_grad():
        whole, _ = encoder(features, lengths, chunk_sizes=sizes)
        for chunks in (1, 2, 3):
            encoded = chunks * size
            frames = 8 * encoded + 7  # the subsampling looks ahead by 1 + 2 + 4 frames
            heard, _ = encoder(features[:, :frames], torch.tensor([frames]), chunk_sizes=sizes)
            torch.testing.assert_close(heard[:, :encoded], whole[:, :encoded], atol=1e-5, rtol=0)
        changed, _ = encoder(features.flip(1), lengths, chunk_sizes=sizes)
        assert not torch.allclose(changed, whole, atol=1e-2)


def test_rows_in_chunks_and_whole_rows_share_a_batch() -> None:
    encoder = tiny(left=4)
    features, lengths = torch.randn(3, 160, 9), torch.tensor([160, 97, 160])
    sizes = torch.tensor([4, 0, 2])
    with torch.no_grad():
        together, encoded = encoder(features, lengths, chunk_sizes=sizes)
        for row in range(3):
            one = slice(row, row + 1)
            alone, _ = encoder(features[one, : lengths[row]], lengths[one], chunk_sizes=sizes[one])
            torch.testing.assert_close(together[row, : encoded[row]], alone[0], atol=1e-5, rtol=0)
        plain, _ = encoder(features[1:2], lengths[1:2])
        torch.testing.assert_close(together[1, : encoded[1]], plain[0, : encoded[1]], atol=1e-5, rtol=0)


def test_past_beyond_the_bound_is_forgotten() -> None:
    encoder = tiny(layers=1, kernel=1, left=4)
    features = torch.randn(1, 400, 9, requires_grad=True)
    encoder(features, torch.tensor([400]), chunk_sizes=torch.tensor([4]))[0][0, 44].square().sum().backward()
    assert features.grad is not None
    heard = features.grad[0].abs().sum(dim=1).nonzero()[:, 0]
    assert heard.min() >= 8 * (44 - 4) - 7 and heard.max() < 8 * 48 + 7
