"""What all three published CRNNs promise, on small widths."""

from __future__ import annotations

import pytest
import torch

from tympan.models.encoders import ENCODERS, Encoder

SMALL = {
    "crnn_assembly": {"num_features": 7, "channels": 2, "blocks": 2, "rnn_layers": 2, "rnn_dim": 6},
    "crnn_dredwardhyde": {"num_features": 7, "channels": 2, "blocks": 3, "rnn_layers": 2, "rnn_dim": 6},
    "deepspeech2_keras": {"num_features": 21, "channels": 2, "rnn_layers": 2, "rnn_dim": 6},
}
NAMES = sorted(SMALL)


def small(name: str, *, faithful: bool) -> Encoder:
    torch.manual_seed(7)
    return ENCODERS[name](**SMALL[name], faithful=faithful).eval()


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_output_lengths_are_those_of_the_tensor_for_every_length(name: str, faithful: bool) -> None:
    narrow = {**SMALL[name], "channels": 1, "rnn_layers": 1, "rnn_dim": 1} | ({"blocks": 1} if "blocks" in SMALL[name] else {})
    encoder = ENCODERS[name](**narrow, faithful=faithful).eval()
    promised = encoder.output_lengths(torch.arange(401))
    assert promised[0] == 0
    with torch.no_grad():
        for frames in (*range(1, 65), *range(65, 401, 7), 400):
            encoded, lengths = encoder(torch.zeros(1, frames, encoder.num_features), torch.tensor([frames]))
            assert encoded.shape[1] == lengths[0] == promised[frames] == (frames + 1) // 2


@pytest.mark.parametrize("name", NAMES)
def test_corrected_encoder_reads_an_utterance_in_a_batch_as_alone(name: str) -> None:
    encoder = small(name, faithful=False)
    lengths = torch.tensor([41, 1, 30, 17, 0])
    features = torch.randn(5, 44, encoder.num_features)  # three frames more than the longest utterance
    features[torch.arange(44) >= lengths[:, None]] = float("nan")  # padding must not enter even by multiplication with zero
    with torch.no_grad():
        encoded, encoded_lengths = encoder(features, lengths)
        for row, frames in enumerate(lengths.tolist()):
            valid = int(encoded_lengths[row])
            assert torch.equal(encoded[row, valid:], torch.zeros(22 - valid, encoder.output_dim))
            if frames:
                alone, _ = encoder(features[row : row + 1, :frames], lengths[row : row + 1])
                torch.testing.assert_close(encoded[row, :valid], alone[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["crnn_assembly", "crnn_dredwardhyde"])
def test_published_crnn_lets_utterance_two_change_utterance_one(name: str) -> None:
    encoder = small(name, faithful=True)
    features, lengths = torch.randn(2, 20, encoder.num_features), torch.tensor([20, 20])
    other = torch.stack([features[0], torch.randn(20, encoder.num_features)])
    with torch.no_grad():
        difference = (encoder(features, lengths)[0][0] - encoder(other, lengths)[0][0]).abs().max()
        corrected = small(name, faithful=False)
        none = (corrected(features, lengths)[0][0] - corrected(other, lengths)[0][0]).abs().max()
    assert difference > 1e-3
    assert none == 0


@pytest.mark.parametrize("padding", [1, 2, 20])
@pytest.mark.parametrize("name", NAMES)
def test_published_encoder_reads_padding_as_speech(name: str, padding: int) -> None:
    encoder = small(name, faithful=True)
    features, lengths = torch.randn(1, 20, encoder.num_features), torch.tensor([20])
    with torch.no_grad():
        alone, _ = encoder(features, lengths)
        padded, _ = encoder(torch.nn.functional.pad(features, (0, 0, 0, padding), value=1.0), lengths)
    assert (padded[:, :10] - alone).abs().max() > 1e-3


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_parameter(name: str, faithful: bool) -> None:
    encoder = small(name, faithful=faithful).train()
    encoded, _ = encoder(torch.randn(3, 24, encoder.num_features), torch.tensor([24, 13, 20]))
    encoded.square().sum().backward()
    unreached = [key for key, weight in encoder.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert unreached == []


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_the_corrected_encoder_ignores_padding(name: str) -> None:
    encoder = small(name, faithful=False).train()
    features = torch.randn(2, 24, encoder.num_features, requires_grad=True)
    encoder(features, torch.tensor([24, 13]))[0].square().sum().backward()
    assert features.grad is not None
    assert features.grad[1, :13].abs().sum() > 0
    assert features.grad[1, 13:].abs().sum() == 0
