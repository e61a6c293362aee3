"""Encoder and head together: every architecture keeps the same promises, and can learn by heart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tympan.decoding import greedy
from tympan.models import CTCModel, build
from tympan.training.tasks.ctc import ctc_loss

TINY = {"name": "conformer", "dim": 16, "layers": 3, "heads": 2, "kernel": 5, "expansion": 2}
CONFIGS: dict[str, dict[str, Any]] = {
    "4x": {"encoder": {**TINY, "subsampling": 4}},
    "8x": {"encoder": {**TINY, "subsampling": 8}},
    "8x unfolded": {"encoder": TINY, "head": {"unfold": 2}},
    "4x unfolded": {"encoder": {**TINY, "subsampling": 4}, "head": {"unfold": 2, "hidden": 6}},
    "conditioned": {"encoder": {**TINY, "taps": [1, 2]}, "head": {"unfold": 2}, "condition": True},
    "crnn_assembly": {"encoder": {"name": "crnn_assembly", "channels": 2, "blocks": 2, "rnn_layers": 2, "rnn_dim": 6}},
    "crnn_dredwardhyde": {"encoder": {"name": "crnn_dredwardhyde", "channels": 2, "blocks": 3, "rnn_layers": 2, "rnn_dim": 6}},
    "deepspeech2_keras": {"encoder": {"name": "deepspeech2_keras", "channels": 2, "rnn_layers": 2, "rnn_dim": 6}},
}
FEATURES = 21
TOKENS = 6
EVERY = pytest.mark.parametrize("name", CONFIGS)


def model(name: str) -> CTCModel:
    torch.manual_seed(3)
    return build(CONFIGS[name], FEATURES, TOKENS).eval()


@EVERY
def test_output_lengths_are_those_of_the_tensor_for_every_length(name: str) -> None:
    network = model(name)
    promised = network.output_lengths(torch.arange(201))
    assert promised[0] == 0
    with torch.no_grad():
        for frames in (*range(1, 41), *range(41, 201, 17)) if "x" in name else (1, 2, 3, 50, 199):  # others have own tests of all lengths
            log_probs, lengths = network(torch.zeros(1, frames, FEATURES), torch.tensor([frames]))
            assert log_probs.shape == (1, int(promised[frames]), TOKENS)
            assert lengths.tolist() == [int(promised[frames])]


@EVERY
def test_utterance_in_a_batch_gives_what_it_gives_alone(name: str) -> None:
    network = model(name)
    lengths = torch.tensor([61, 1, 40, 0, 17])
    features = torch.randn(5, 66, FEATURES)
    features[torch.arange(66) >= lengths[:, None]] = float("nan")
    with torch.no_grad():
        log_probs, found = network(features, lengths)
        assert torch.isfinite(log_probs).all()
        assert found[3] == 0
        for row, frames in enumerate(lengths.tolist()):
            if frames:
                alone, _ = network(features[row : row + 1, :frames], lengths[row : row + 1])
                torch.testing.assert_close(log_probs[row, : found[row]], alone[0], atol=1e-5, rtol=0)


@EVERY
def test_rows_are_distributions(name: str) -> None:
    output = model(name).run(torch.randn(2, 30, FEATURES), torch.tensor([30, 12]))
    for log_probs in (output.log_probs, *output.intermediate):
        torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(log_probs.shape[:2]))


@EVERY
def test_gradient_of_the_loss_reaches_every_parameter_and_is_finite(name: str) -> None:
    network = model(name).train()
    output = network.run(torch.randn(3, 64, FEATURES), torch.tensor([64, 40, 0]))
    tokens, token_lengths = torch.tensor([1, 2, 3]), torch.tensor([2, 1, 0])
    loss = sum(ctc_loss(log_probs, output.lengths, tokens, token_lengths) for log_probs in (output.log_probs, *output.intermediate))
    assert isinstance(loss, torch.Tensor) and torch.isfinite(loss)
    loss.backward()
    unreached = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert unreached == []
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters() if weight.grad is not None)


def test_taps_give_intermediate_log_probs_of_the_same_shape() -> None:
    features, lengths = torch.randn(2, 40, FEATURES), torch.tensor([40, 20])
    output = model("conditioned").run(features, lengths)
    assert [tap.shape for tap in output.intermediate] == [output.log_probs.shape] * 2
    assert model("8x").run(features, lengths).intermediate == []


def test_posteriors_of_the_taps_are_fed_back() -> None:
    """Equation 8 of arXiv:2104.02724: each frame's own posteriors, and no other's, go into the stream."""
    network = model("conditioned")
    seen: list[torch.Tensor] = []
    assert network.feedback is not None
    network.feedback.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    output = network.run(torch.randn(1, 40, FEATURES), torch.tensor([40]))
    assert len(seen) == 2
    for fed, tap in zip(seen, output.intermediate, strict=True):
        assert fed.shape == (1, 5, 2 * TOKENS)
        torch.testing.assert_close(fed.reshape(1, 10, TOKENS), tap.exp())


OVERFIT: dict[str, dict[str, Any]] = {
    "conformer": {"encoder": {**TINY, "dim": 32, "layers": 2, "subsampling": 4, "dropout": 0.0}},
    "conditioned": {
        "encoder": {**TINY, "dim": 32, "layers": 2, "dropout": 0.0, "taps": [1]},
        "head": {"unfold": 2},
        "condition": True,
    },
    "crnn_assembly": {"encoder": {"name": "crnn_assembly", "channels": 4, "blocks": 1, "rnn_layers": 1, "rnn_dim": 32, "dropout": 0.0}},
    "crnn_dredwardhyde": {
        "encoder": {"name": "crnn_dredwardhyde", "channels": 4, "blocks": 1, "rnn_layers": 1, "rnn_dim": 32, "dropout": 0.0}
    },
    "deepspeech2_keras": {"encoder": {"name": "deepspeech2_keras", "channels": 4, "rnn_layers": 1, "rnn_dim": 32, "dropout": 0.0}},
}


@torch.no_grad()
def read(network: CTCModel, features: torch.Tensor, lengths: torch.Tensor) -> list[list[int]]:
    """Greedy results in evaluation, where normalisation by batch statistics is another one than in training."""
    log_probs, found = network.eval()(features, lengths)
    network.train()
    return [list(greedy(row[:count].numpy()).tokens) for row, count in zip(log_probs, found.tolist(), strict=True)]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name == "crnn_dredwardhyde" else ()) for name in OVERFIT])
def test_four_utterances_are_learned_by_heart(name: str) -> None:
    torch.manual_seed(0)
    network = build(OVERFIT[name], FEATURES, TOKENS).train()
    targets = [[1, 2, 2, 3], [], [4, 5, 1], [3, 3, 3]]
    lengths = torch.tensor([40, 24, 33, 40])
    features = torch.randn(4, 40, FEATURES)
    tokens = torch.tensor([token for target in targets for token in target])
    token_lengths = torch.tensor([len(target) for target in targets])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for step in range(1, 601):
        optimizer.zero_grad()
        output = network.run(features, lengths)
        ctc_loss(output.log_probs, output.lengths, tokens, token_lengths).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % 25 == 0 and read(network, features, lengths) == targets:
            return
    assert read(network, features, lengths) == targets
