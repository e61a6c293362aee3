"""Arrays as recordings."""

from __future__ import annotations

import numpy as np
import pytest

from tympan.audio import info, read
from tympan.errors import AudioError, ShapeError


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.int16, [-32768, 0, 16384, 32767], [-1, 0, 0.5, 32767 / 32768]),
        (np.int32, [-(2**31), 0, 2**30], [-1, 0, 0.5]),
        (np.uint8, [0, 128, 192], [-1, 0, 0.5]),
        (np.float64, [-1, 0, 0.5], [-1, 0, 0.5]),
        (np.float16, [-1, 0, 0.5], [-1, 0, 0.5]),
        (">i2", [-32768, 0, 16384], [-1, 0, 0.5]),
    ],
)
def test_integers_are_scaled_by_their_full_range(dtype, values, expected):
    samples = read(np.array(values, dtype=dtype))
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, np.array(expected, np.float32))


def test_channels_of_pcm_are_averaged():
    np.testing.assert_array_equal(read(np.array([[16384, 0], [0, -16384]], np.int16)), [0.25, -0.25])


def test_arrays_without_a_rate_are_at_the_wanted_rate():
    assert len(read(np.zeros(800, np.float32), 8000)) == 800
    assert len(read(np.zeros(800, np.float32), 16000, source_rate=8000)) == 1600


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.bool_, np.complex64, "U1"])
def test_other_types_are_refused_with_those_that_work(dtype):
    with pytest.raises(AudioError, match="int16, int32 or uint8"):
        read(np.zeros(4, dtype))


def test_channels_first_is_told_from_samples_first():
    with pytest.raises(ShapeError, match=r"\(2, 16000\).*samples\.T"):
        read(np.zeros((2, 16000), np.float32))
    with pytest.raises(ShapeError, match=r"\(N,\) or \(N, C\)"):
        read(np.zeros((1, 2, 3), np.float32))


def test_integers_that_nobody_divided_are_told():
    with pytest.raises(AudioError, match=r"float samples up to 12,000.*int16: 32768"):
        read(np.array([0, 12000, -5], np.float32))


def test_an_array_without_samples_is_refused():
    for shape in [(0,), (0, 2)]:
        with pytest.raises(AudioError, match="holds no samples"):
            read(np.zeros(shape, np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_counted_and_placed(bad):
    samples = np.zeros((20000, 2), np.float32)
    samples[8000, 1] = bad
    samples[8001] = bad
    samples[19999, 0] = bad
    with pytest.raises(AudioError, match=r"has 4 NaN or infinite samples, the first at 0\.500 s"):
        read(samples)


def test_info_of_an_array():
    facts = info(np.zeros((800, 2), np.int16), source_rate=8000)
    assert (facts.sample_rate, facts.channels, facts.duration_s, facts.format) == (8000, 2, 0.1, "array int16")
