from __future__ import annotations

import torch

from tympan.models.encoders.deepspeech2_keras import DeepSpeech2Keras


def test_published_bands_are_193_then_97_then_49() -> None:
    encoder = DeepSpeech2Keras(rnn_layers=1, rnn_dim=1, faithful=True).eval()
    assert encoder.recurrent[0].gru.input_size == 1568 == 32 * 49
    encoder(torch.zeros(1, 3, 193), torch.tensor([3]))


def test_frames_of_padding_shift_published_windows_and_not_corrected_ones() -> None:
    for faithful, moved in ((True, True), (False, False)):
        torch.manual_seed(7)
        encoder = DeepSpeech2Keras(num_features=9, channels=2, rnn_layers=1, rnn_dim=2, faithful=faithful).eval()
        speech = torch.nn.functional.pad(torch.randn(1, 4, 9), (0, 0, 28, 28))  # far from the edges: only the phase can differ
        with torch.no_grad():
            even = encoder._convolve(speech, torch.tensor([60]))
            odd = encoder._convolve(torch.nn.functional.pad(speech, (0, 0, 0, 1)), torch.tensor([60]))
        assert (not torch.allclose(even[:, :, 8:24], odd[:, :, 8:24], atol=1e-6)) is moved


def test_no_dropout_after_the_last_gru() -> None:
    encoder = DeepSpeech2Keras(num_features=9, channels=2, rnn_layers=1, rnn_dim=2).eval()
    features, lengths = torch.randn(1, 12, 9), torch.tensor([12])
    with torch.no_grad():
        expected, _ = encoder(features, lengths)
        encoder.dropout.train()
        assert torch.equal(encoder(features, lengths)[0], expected)
