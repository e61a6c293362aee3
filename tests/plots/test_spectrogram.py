from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.image import imread

from tympan.plots.spectrogram import MOST_COLUMNS, narrowed, palette, picture


def decoded(content: bytes) -> npt.NDArray[np.uint8]:
    """(H, W, 3) by matplotlib's reader."""
    import io

    return np.rint(255 * imread(io.BytesIO(content), format="png")[..., :3]).astype(np.uint8)


def test_time_goes_to_the_right_and_the_first_band_is_at_the_bottom() -> None:
    features = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], np.float32)  # (T = 2, F = 3)
    image = decoded(picture(features, (0.0, 5.0)))
    assert image.shape == (3, 2, 3)
    expected = palette()[np.array([[102, 255], [51, 204], [0, 153]])]  # 255 x value / 5
    assert np.array_equal(image, expected)


def test_values_beyond_the_limits_have_the_colours_of_the_ends() -> None:
    image = decoded(picture(np.array([[-9.0], [0.5], [9.0]], np.float32), (0.0, 1.0)))
    assert np.array_equal(image[0], palette()[[0, 128, 255]])


def test_the_colours_are_nearly_matplotlibs() -> None:
    expected = 255 * colormaps["viridis"](np.arange(256))[:, :3]
    assert np.abs(palette().astype(float) - expected).max() < 8


@pytest.mark.parametrize("frames", [MOST_COLUMNS - 1, MOST_COLUMNS, MOST_COLUMNS + 1, 5 * MOST_COLUMNS + 7])
def test_long_utterances_are_narrowed_to_means(frames: int) -> None:
    features = np.random.default_rng(0).standard_normal((frames, 2)).astype(np.float32)
    fewer = narrowed(features)
    assert len(fewer) <= MOST_COLUMNS
    step = -(-frames // MOST_COLUMNS)
    np.testing.assert_allclose(fewer[0], features[:step].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(fewer[-1], features[(len(fewer) - 1) * step :].mean(axis=0), atol=1e-6)


@given(frames=st.integers(0, 5), bands=st.integers(0, 5))
def test_every_shape_is_a_whole_png(frames: int, bands: int) -> None:
    content = picture(np.ones((frames, bands), np.float32), (0.0, 1.0))
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(struct.pack(">I", zlib.crc32(b"IEND")))
    assert decoded(content).shape == ((bands, frames, 3) if frames and bands else (1, 1, 3))
