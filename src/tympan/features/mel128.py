"""`mel128`: the front end of the published CRNN tutorials, torchaudio's `MelSpectrogram(sample_rate=16000, n_mels=128)`.

Kept for faithful reproduction. Two flaws belong to it: 128 triangles are too many for a 400-point FFT, so that 4 of them are empty
and their features constant; and the power is not taken to a logarithm, so that loud frames rule (`log` mends the second).

Frames are centred: frame t looks 12.5 ms ahead of its time, a stream gives its first frame after 201 samples and its last ones at
the end, from a mirrored edge. A recording of 1 to 200 samples is too short for one mirror image and is mirrored to and fro (`reflect`
in extractor.py); without samples there are no frames.

Source: pytorch/audio, src/torchaudio/transforms: Spectrogram and MelScale with their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.mel import FilterBank, htk_filters
from tympan.features.window import periodic_hann

LOG_FLOOR = 1e-10


class Mel128(Extractor):
    """16 kHz, 25 ms periodic Hann window every 12.5 ms, centred, 400-point power spectrum, 128 HTK mels from 0 to 8000 Hz.

    Args:
        log: give log(max(mel, 1e-10)), natural, instead of the mel power itself.
    """

    name: ClassVar[str] = "mel128"
    choices: ClassVar[Mapping[str, tuple[object, ...]]] = MappingProxyType({"log": (False, True)})
    sample_rate = 16000
    num_features = 128
    window_length = 400  # 25 ms
    hop_length = 200  # 12.5 ms
    padding = 200  # half a window

    def __init__(self, *, log: bool = False) -> None:
        self.log = log
        self.window = periodic_hann(self.window_length)
        self.filters = FilterBank(htk_filters(self.num_features, self.window_length, self.sample_rate, 0.0, 8000.0))

    def compute(self, frames: Samples) -> Features:
        spectrum = np.fft.rfft(frames * self.window, axis=1)
        mels = self.filters(spectrum.real**2 + spectrum.imag**2)
        if self.log:
            mels = np.log(np.maximum(mels, LOG_FLOOR))
        return mels.astype(np.float32)
