from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile

from sounds import RATE, white
from tympan.plots import data_url


def played(url: str) -> tuple[str, np.ndarray, int]:
    head, _, content = url.partition(",")
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(content, validate=True)), dtype="float32")
    return head, samples, rate


def test_lossless_is_what_was_given_to_16_bits() -> None:
    head, samples, rate = played(data_url(white(3000), 22_050, lossless=True))
    assert head == "data:audio/flac;base64" and rate == 22_050
    np.testing.assert_allclose(samples, white(3000), atol=4e-5)


def test_opus_is_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = white(3 * RATE)
    head, samples, rate = played(data_url(sound, RATE, lossless=False))
    assert head == "data:audio/ogg;base64" and rate == RATE and len(samples) == len(sound)
    assert len(data_url(sound, RATE, lossless=False)) < len(data_url(sound, RATE, lossless=True))
    monkeypatch.setattr("soundfile.available_subtypes", lambda format: {})
    assert played(data_url(sound, RATE, lossless=False))[0] == "data:audio/wav;base64"


def test_what_is_beyond_full_scale_is_clipped() -> None:
    samples = played(data_url(np.array([2.0, -2.0, 0.5], np.float32), RATE, lossless=True))[1]
    assert samples == pytest.approx([1, -1, 0.5], abs=1e-4)
