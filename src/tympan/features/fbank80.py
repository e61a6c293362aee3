"""`fbank80`: Kaldi's log mel filter bank with 80 bands, the default front end.

Differences from Kaldi's defaults: 80 bands, 7600 Hz as upper edge, no dither (features are a function of the samples), and samples
stay in [-1, 1]. Kaldi reads 16-bit integers as they are, 32768 times larger: its log values lie 2 ln 32768 = 20.79 above ours, except
where our floor acts (an energy below 1.19e-7 per band, about -120 dB against a full-scale sine).

Source: kaldi-asr/kaldi, src/feat/feature-fbank.cc and feature-window.cc; the same numbers as kaldi-native-fbank 1.23.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.mel import FilterBank, kaldi_filters
from tympan.features.window import povey

PREEMPHASIS = 0.97
FFT_LENGTH = 512
FLOOR = float(np.finfo(np.float32).eps)  # Kaldi's floor of an energy before the logarithm


class Fbank80(Extractor):
    """16 kHz, 25 ms Povey window every 10 ms, 80 mels from 20 to 7600 Hz, natural log; shorter than a window gives (0, 80).

    Each frame: minus its mean, pre-emphasis 0.97 (the first sample against itself), window, 512-point power spectrum, mels, log.
    Computed in float64, because a quiet band beside a loud one is lost in float32's FFT, and implementations would not agree on it.
    """

    name: ClassVar[str] = "fbank80"
    sample_rate = 16000
    num_features = 80
    window_length = 400  # 25 ms
    hop_length = 160  # 10 ms

    def __init__(self) -> None:
        self.window = povey(self.window_length)
        self.filters = FilterBank(kaldi_filters(self.num_features, FFT_LENGTH, self.sample_rate, 20.0, 7600.0))

    def compute(self, frames: Samples) -> Features:
        centred = frames.astype(np.float64, order="C")
        centred -= centred.mean(axis=1, keepdims=True)
        emphasised = centred.copy()
        emphasised[:, 1:] -= PREEMPHASIS * centred[:, :-1]
        emphasised[:, 0] -= PREEMPHASIS * centred[:, 0]
        emphasised *= self.window
        spectrum = np.fft.rfft(emphasised, FFT_LENGTH, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(np.maximum(self.filters(power), FLOOR)).astype(np.float32)
