"""`spec161`: the front end of deepspeech.pytorch, a linear spectrogram as log(1 + magnitude).

Not copied: one mean and standard deviation for all of an utterance's values; a recipe's `normalization` does it for each bin.

Source: SeanNaren/deepspeech.pytorch, deepspeech_pytorch/loader/data_loader.py, SpectrogramParser.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.window import periodic_hamming


class Spec161(Extractor):
    """16 kHz, 20 ms periodic Hamming window every 10 ms, centred, log(1 + |X|) of all 161 bins of a 320-point spectrum."""

    name: ClassVar[str] = "spec161"
    sample_rate = 16000
    num_features = 161
    window_length = 320  # 20 ms, and the FFT's length
    hop_length = 160  # 10 ms
    padding = 160  # half a window

    def __init__(self) -> None:
        self.window = periodic_hamming(self.window_length)

    def compute(self, frames: Samples) -> Features:
        spectrum = np.fft.rfft(frames * self.window, axis=1)
        return np.log1p(np.sqrt(spectrum.real**2 + spectrum.imag**2)).astype(np.float32)
