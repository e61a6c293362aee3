"""Mel triangles, and their row-wise application."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from tympan.features.mel import FilterBank, htk_filters, kaldi_filters, slaney_filters, triangles


def test_triangles_worked_by_hand() -> None:
    weights = triangles(np.arange(7.0), np.array([0.0, 2.0, 4.0, 5.0]))
    assert weights.tolist() == [[0, 0.5, 1, 0.5, 0, 0, 0], [0, 0, 0, 0.5, 1, 0, 0]]


def test_a_filter_bank_is_the_matrix_product() -> None:
    rng = np.random.default_rng(0)
    weights = kaldi_filters(80, 512, 16000, 20.0, 7600.0)
    spectrum = rng.random((50, 257))
    assert np.allclose(FilterBank(weights)(spectrum), spectrum @ weights.T, rtol=1e-12)


@pytest.mark.parametrize("empty", [0, 2, 4])
def test_an_empty_filter_gives_zero_wherever_it_stands(empty) -> None:
    weights = np.ones((5, 3))
    weights[empty] = 0.0
    bank = FilterBank(weights)
    assert bank.empty == (empty,)
    assert bank(np.ones((2, 3))).tolist() == [[0.0 if m == empty else 3.0 for m in range(5)]] * 2


def test_no_rows_and_all_filters_empty_are_fine() -> None:
    assert FilterBank(np.ones((5, 3)))(np.ones((0, 3))).shape == (0, 5)
    assert FilterBank(np.zeros((5, 3)))(np.ones((2, 3))).tolist() == [[0.0] * 5] * 2


def test_a_row_alone_has_the_bits_that_it_has_among_others() -> None:
    spectrum = np.random.default_rng(1).random((100, 257))
    bank = FilterBank(kaldi_filters(80, 512, 16000, 20.0, 7600.0))
    together = bank(spectrum)
    for row in range(100):
        assert np.array_equal(bank(spectrum[row : row + 1])[0], together[row])


def test_htk_filters_are_librosas() -> None:
    with pytest.warns(UserWarning, match="Empty filters"):  # the flaw C17 that this front end is kept with
        expected = librosa.filters.mel(sr=16000, n_fft=400, n_mels=128, fmin=0, fmax=8000, htk=True, norm=None, dtype=np.float64)
    assert np.abs(htk_filters(128, 400, 16000, 0.0, 8000.0) - expected).max() < 1e-10


@pytest.mark.parametrize(("num_mels", "low", "high"), [(64, 0, 8000), (40, 100, 900), (20, 1200, 7000)])
def test_slaney_filters_are_librosas(num_mels, low, high) -> None:
    expected = librosa.filters.mel(sr=16000, n_fft=2048, n_mels=num_mels, fmin=low, fmax=high, dtype=np.float64)
    assert np.abs(slaney_filters(num_mels, 2048, 16000, low, high) - expected).max() < 1e-12


def test_kaldi_filters_leave_the_nyquist_bin_out() -> None:
    assert kaldi_filters(80, 512, 16000, 20.0, 8000.0)[:, -1].max() == 0.0
