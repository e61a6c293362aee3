"""Subsampling: the frames that it promises, blind to padding."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.subsampling import ConvSubsampling


@pytest.mark.parametrize("factor", [4, 8])
def test_output_lengths_are_the_rounded_up_quotient_and_the_real_frames(factor: int) -> None:
    layer = ConvSubsampling(5, 3, factor, channels=(1, 1)).eval()
    promised = layer.output_lengths(torch.arange(201))
    assert promised.tolist() == [-(-frames // factor) for frames in range(201)]
    with torch.no_grad():
        for frames in range(1, 201):
            y, lengths = layer(torch.zeros(1, frames, 5), torch.tensor([frames]))
            assert y.shape == (1, int(promised[frames]), 3)
            assert lengths.tolist() == [int(promised[frames])]


@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize("filling", [0.0, 1e6, float("nan"), float("inf")])
def test_padding_is_never_seen(factor: int, filling: float) -> None:
    torch.manual_seed(0)
    layer = ConvSubsampling(7, 6, factor).eval()
    lengths = torch.tensor([33, 1, 0, 16, 31])
    features = torch.randn(5, 40, 7)
    features[torch.arange(40) >= lengths[:, None]] = filling
    with torch.no_grad():
        y, found = layer(features, lengths)
        assert torch.isfinite(y).all()
        for row, frames in enumerate(lengths.tolist()):
            if frames:
                alone, _ = layer(features[row : row + 1, :frames], lengths[row : row + 1])
                torch.testing.assert_close(y[row, : found[row]], alone[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("num_features", [1, 2, 3, 4, 5, 80, 81, 193])
def test_any_number_of_bands_fits(num_features: int) -> None:
    y, _ = ConvSubsampling(num_features, 4, 8)(torch.zeros(1, 9, num_features), torch.tensor([9]))
    assert y.shape == (1, 2, 4)


@pytest.mark.parametrize("factor", [0, 2, 6, 16])
def test_other_factors_are_refused(factor: int) -> None:
    with pytest.raises(ValueError, match=rf"subsampling {factor} is not 4 or 8"):
        ConvSubsampling(80, 16, factor)
