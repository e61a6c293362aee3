from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sounds import white
from tympan.data.augment.convolution import convolve, transform_length


@given(count=st.integers(1, 400), taps=st.integers(1, 400), seed=st.integers(0, 99), data=st.data())
def test_it_is_the_convolution(count: int, taps: int, seed: int, data: st.DataObject) -> None:
    samples, response = white(count, seed), white(taps, seed + 1)
    start = data.draw(st.integers(0, taps - 1))
    expected = np.convolve(samples.astype(np.float64), response)[start : start + count]
    np.testing.assert_allclose(convolve(samples, response, start), expected, atol=1e-5)


@given(least=st.integers(1, 10**7))
def test_transforms_are_long_enough_but_hardly_longer(least: int) -> None:
    assert least <= transform_length(least) <= max(32, least * 1.21)
