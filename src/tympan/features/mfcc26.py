"""`mfcc26`: the front end of Mozilla's DeepSpeech, TensorFlow's operators `AudioSpectrogram` and `Mfcc` one after the other.

What differs from other cepstra: triangles weigh magnitudes, not powers; bin 1 (31 Hz) is left out though it lies above 20 Hz, for
the operator starts at bin int(1.5 + 20 / 31.25); and the cosine transform scales all coefficients alike, the first too. No
pre-emphasis, no lifter, no deltas. The network adds 9 frames on either side itself.

Source: tensorflow/tensorflow, core/kernels/spectrogram.cc, mfcc.cc, mfcc_mel_filterbank.cc and mfcc_dct.cc; mozilla/DeepSpeech,
training/deepspeech_training/util/feeding.py for the values. The same numbers as TensorFlow 2.21.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.mel import FilterBank, kaldi_filters
from tympan.features.window import periodic_hann

NUM_MELS = 40
LOW_HZ, HIGH_HZ = 20.0, 8000.0
FLOOR = 1e-12  # of a band's magnitude


class Mfcc26(Extractor):
    """16 kHz, 32 ms periodic Hann window every 20 ms, 26 cepstra of the logarithms of 40 mels; shorter than a window gives (0, 26)."""

    name: ClassVar[str] = "mfcc26"
    sample_rate = 16000
    num_features = 26
    window_length = 512  # 32 ms, and the FFT's length
    hop_length = 320  # 20 ms

    def __init__(self) -> None:
        self.window = periodic_hann(self.window_length)
        weights = kaldi_filters(NUM_MELS, self.window_length, self.sample_rate, LOW_HZ, HIGH_HZ)
        weights[:, : int(1.5 + LOW_HZ * self.window_length / self.sample_rate)] = 0.0
        self.filters = FilterBank(weights)
        self.cosines = cosines(NUM_MELS, self.num_features)

    def compute(self, frames: Samples) -> Features:
        spectrum = np.fft.rfft(frames * self.window, axis=1)
        logs = np.log(np.maximum(self.filters(np.sqrt(spectrum.real**2 + spectrum.imag**2)), FLOOR))
        cepstra = np.zeros((len(frames), self.num_features))
        for mel, row in enumerate(self.cosines):  # not a matrix product: its order of additions depends on the number of frames
            cepstra += logs[:, mel, None] * row
        return cepstra.astype(np.float32)


def cosines(num_mels: int, num_cepstra: int) -> npt.NDArray[np.float64]:
    """Return (num_mels, num_cepstra): sqrt(2 / M) cos(pi i (j + 1/2) / M), the second kind of cosine transform without its first scale."""
    mels, cepstra = np.arange(num_mels)[:, None], np.arange(num_cepstra)[None, :]
    table: npt.NDArray[np.float64] = np.sqrt(2.0 / num_mels) * np.cos(np.pi * cepstra * (mels + 0.5) / num_mels)
    return table
