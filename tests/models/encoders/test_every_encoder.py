"""What every encoder promises, whatever is inside."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miniatures import FAITHFUL, FEATURES, MINIATURES, TOKENS, miniature, without_dropout
from tympan.models import CTCModel, build
from tympan.models.encoders import ENCODERS
from tympan.models.layers.masked_batch_norm import MaskedBatchNorm
from tympan.models.layers.past import Past, StreamState
from tympan.training.tasks.ctc import ctc_loss

EVERY = pytest.mark.parametrize("name", MINIATURES)
CHUNKED = sorted(name for name, config in MINIATURES.items() if ENCODERS[config["encoder"]["name"]].chunked)


def has_batch_norm(name: str) -> bool:
    return any(isinstance(module, MaskedBatchNorm) for module in miniature(name).modules())


def network(name: str, **options: object) -> CTCModel:
    torch.manual_seed(3)
    return miniature(name, **options)


def loss_of(model: CTCModel, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """CTC loss for one token in each utterance that has frames."""
    tokens = torch.arange(len(lengths)) % (TOKENS - 1) + 1
    token_lengths = (lengths > 0).long()
    output = model.run(features, lengths)
    return ctc_loss(output.log_probs, output.lengths, tokens[token_lengths > 0], token_lengths)


def test_every_encoder_has_a_miniature() -> None:
    assert {config["encoder"]["name"] for config in MINIATURES.values()} == set(ENCODERS) - {"huggingface"}  # test_huggingface.py


@EVERY
def test_output_lengths_are_those_of_the_tensor(name: str) -> None:
    model = network(name)
    promised = model.encoder.output_lengths(torch.arange(1000))
    assert promised[0] == 0 and (promised[1:] > 0).all() and (promised.diff() >= 0).all()

    @settings(max_examples=12, deadline=None)
    @given(frames=st.integers(1, 999))
    def holds(frames: int) -> None:
        with torch.no_grad():
            encoded, lengths = model.encoder(torch.zeros(1, frames, FEATURES), torch.tensor([frames]))
        assert encoded.shape == (1, int(promised[frames]), model.encoder.output_dim)
        assert lengths.tolist() == [int(promised[frames])]
        assert model.encoder.output_lengths(torch.tensor(frames)) == promised[frames]

    holds()
    with torch.no_grad():
        for frames in range(1, 26):
            assert model.encoder(torch.zeros(1, frames, FEATURES), torch.tensor([frames]))[0].shape[1] == promised[frames]


@EVERY
def test_utterance_in_a_batch_is_read_as_alone(name: str) -> None:
    model = network(name)

    @settings(max_examples=12, deadline=None)
    @given(lengths=st.lists(st.integers(0, 60), min_size=2, max_size=4), more=st.integers(0, 9), seed=st.integers(0, 99))
    def holds(lengths: list[int], more: int, seed: int) -> None:
        valid = torch.tensor(lengths)
        frames = max(1, *lengths) + more
        features = torch.randn(len(lengths), frames, FEATURES, generator=torch.Generator().manual_seed(seed))
        features[torch.arange(frames) >= valid[:, None]] = float("nan")  # not even a product with zero may see it
        with torch.no_grad():
            log_probs, found = model(features, valid)
            assert found.tolist() == model.output_lengths(valid).tolist()
            assert torch.isfinite(log_probs).all()
            for row, count in enumerate(lengths):
                if count:
                    alone, _ = model(features[row : row + 1, :count], valid[row : row + 1])
                    torch.testing.assert_close(log_probs[row, : found[row]], alone[0], atol=2e-5, rtol=0)

    holds()


@EVERY
def test_more_padding_changes_nothing_in_training(name: str) -> None:
    """Neither loss nor gradients nor running statistics."""
    features, lengths = torch.randn(3, 40, FEATURES), torch.tensor([40, 17, 32])
    results = []
    for more in (0, 12):
        model = network(name).train()
        padded = torch.nn.functional.pad(features, (0, 0, 0, more), value=7.0)
        padded[torch.arange(40 + more) >= lengths[:, None]] = 7.0
        loss = loss_of(model, padded, lengths)
        loss.backward()
        gradients = {key: weight.grad for key, weight in model.named_parameters()}
        buffers = {key: value for key, value in model.named_buffers() if value.is_floating_point()}
        results.append((loss, gradients, buffers))
    torch.testing.assert_close(results[0], results[1], atol=1e-5, rtol=1e-4)


@EVERY
def test_gradient_reaches_every_parameter_and_is_finite(name: str) -> None:
    model = network(name).train()
    features = torch.randn(3, 64, FEATURES, requires_grad=True)
    lengths = torch.tensor([64, 40, 0])
    loss_of(model, features, lengths).backward()
    unreached = [key for key, weight in model.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert unreached == []
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)
    assert features.grad is not None
    assert (features.grad[0].abs().sum(dim=1) > 0).all(), "a frame that nothing hears"
    assert not features.grad[1, 40:].any() and not features.grad[2].any()


@EVERY
def test_training_in_bfloat16_is_near_that_in_float32(name: str) -> None:
    features, lengths = torch.randn(3, 64, FEATURES), torch.tensor([64, 40, 33])
    exact, coarse = network(name).train(), network(name).train()
    expected = loss_of(exact, features, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(coarse, features, lengths)
    assert abs(float((loss / expected).detach()) - 1) < 0.05
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in coarse.parameters() if weight.grad is not None)
    assert all(weight.dtype == torch.float32 for weight in coarse.state_dict().values() if weight.is_floating_point())


@EVERY
def test_state_makes_a_fresh_network_and_a_copy_the_same(name: str) -> None:
    model = network(name)
    features, lengths = torch.randn(2, 30, FEATURES), torch.tensor([30, 21])
    other = build(without_dropout(name), FEATURES, TOKENS).eval()
    with torch.no_grad():
        expected, _ = model(features, lengths)
        assert not torch.equal(other(features, lengths)[0], expected)
        other.load_state_dict(model.state_dict())
        assert torch.equal(other(features, lengths)[0], expected)
        assert torch.equal(copy.deepcopy(model)(features, lengths)[0], expected)


@pytest.mark.parametrize("name", FAITHFUL)
def test_faithful_network_has_the_same_parameters_and_lets_padding_in(name: str) -> None:
    features, lengths = torch.randn(2, 40, FEATURES), torch.tensor([40, 25])
    other = features.clone()
    other[1, 25:] = 3.0
    found = []
    for faithful in (False, True):
        models = [network(name, faithful=faithful).train() for _ in range(2)]
        assert models[0].state_dict().keys() == network(name).state_dict().keys()
        results = []
        for model, heard in zip(models, (features, other), strict=True):
            longer = torch.nn.functional.pad(heard, (0, 0, 0, 8))
            results.append(model(longer if heard is other else heard, lengths)[0][:, : int(model.output_lengths(lengths)[1])])
        found.append(float((results[0] - results[1]).detach().abs().max()))
    assert found[0] < 1e-4 < 1e-3 < found[1]


@pytest.mark.parametrize(
    ("name", "training"),
    # The batch statistics of a training see the whole utterance.
    [(name, training) for name in CHUNKED for training in (False, True) if not training or not has_batch_norm(name)],
)
def test_in_chunks_nothing_after_the_chunk_is_heard(name: str, training: bool) -> None:
    encoder = network(name, left=8).encoder.train(training)
    features, lengths, sizes = torch.randn(1, 200, FEATURES), torch.tensor([200]), torch.tensor([4])
    with torch.no_grad():
        whole, _ = encoder(features, lengths, chunk_sizes=sizes)
        factor = 200 // whole.shape[1]
        for encoded in (4, 8, 12):
            frames = factor * encoded + factor - 1  # the subsampling looks ahead
            heard, _ = encoder(features[:, :frames], torch.tensor([frames]), chunk_sizes=sizes)
            torch.testing.assert_close(heard[:, :encoded], whole[:, :encoded], atol=1e-5, rtol=0)
        unbounded, _ = encoder(features, lengths)
        assert not torch.allclose(unbounded, whole, atol=1e-2)


@pytest.mark.parametrize("name", CHUNKED)
@pytest.mark.parametrize("size", [2, 3])
def test_step_by_step_is_what_chunks_give(name: str, size: int) -> None:
    """With a memory shorter than the utterance and no multiple of the chunk, and streams that end in different places."""
    encoder = network(name, left=5).encoder
    features, lengths = torch.randn(2, 333, FEATURES), torch.tensor([333, 250])
    with torch.no_grad():
        whole, encoded = encoder(features, lengths, chunk_sizes=torch.tensor([size, size]))
        frames = size * (1 << 10) // int(encoder.output_lengths(torch.tensor(1 << 10)))
        padded = torch.nn.functional.pad(features, (0, 0, 0, -333 % frames))
        past, steps, counts = Past(StreamState(torch.zeros(2, dtype=torch.int64), 5)), [], torch.zeros(2, dtype=torch.int64)
        for start in range(0, 333, frames):
            x, valid = encoder.step(padded[:, start : start + frames], (lengths - start).clamp(0, frames), past)
            steps.append(x)
            counts += valid
            past = Past(past.after(size))
    assert counts.tolist() == encoded.tolist()
    for row, count in enumerate(encoded.tolist()):
        torch.testing.assert_close(torch.cat(steps, dim=1)[row, :count], whole[row, :count], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", CHUNKED)
def test_rows_in_chunks_and_whole_rows_share_a_batch(name: str) -> None:
    encoder = network(name, left=4).encoder
    features, lengths, sizes = torch.randn(3, 160, FEATURES), torch.tensor([160, 97, 160]), torch.tensor([4, 0, 2])
    with torch.no_grad():
        together, encoded = encoder(features, lengths, chunk_sizes=sizes)
        for row in range(3):
            one = slice(row, row + 1)
            alone, _ = encoder(features[one, : lengths[row]], lengths[one], chunk_sizes=sizes[one])
            torch.testing.assert_close(together[row, : encoded[row]], alone[0], atol=1e-5, rtol=0)
