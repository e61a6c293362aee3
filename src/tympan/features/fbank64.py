"""`fbank64`: the front end of Wave2Letter+, Jasper and QuartzNet, NeMo's `AudioToMelSpectrogramPreprocessor` with their values.

Differences from NeMo: no dither (features are a function of the samples), no normalisation (a recipe's `normalization` does it,
`utterance` as NeMo's `per_feature`), and no frames added up to a multiple of 16. Frames are centred; the first two and the last two
also differ because pre-emphasis comes here after the mirror image of the edge, not before it.

Source: NVIDIA/NeMo, nemo/collections/asr/parts/preprocessing/features.py, FilterbankFeatures; librosa, filters.mel.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.mel import FilterBank, slaney_filters
from tympan.features.window import symmetric_hann

PREEMPHASIS = 0.97
FFT_LENGTH = 512
GUARD = 2.0**-24  # added to the energy of a band before its logarithm


class Fbank64(Extractor):
    """16 kHz, 20 ms Hann window every 10 ms, centred, pre-emphasis 0.97, 512-point power spectrum, 64 Slaney mels to 8000 Hz, log."""

    name: ClassVar[str] = "fbank64"
    sample_rate = 16000
    num_features = 64
    window_length = 320  # 20 ms
    hop_length = 160  # 10 ms
    padding = 160  # half a window

    def __init__(self) -> None:
        self.window = symmetric_hann(self.window_length)
        self.filters = FilterBank(slaney_filters(self.num_features, FFT_LENGTH, self.sample_rate, 0.0, 8000.0))

    def compute(self, frames: Samples) -> Features:
        exact = frames.astype(np.float64, order="C")
        emphasised = exact.copy()
        emphasised[:, 1:] -= PREEMPHASIS * exact[:, :-1]  # the first sample keeps no past, and the window's weight for it is 0
        emphasised *= self.window
        spectrum = np.fft.rfft(emphasised, FFT_LENGTH, axis=1)
        return np.log(self.filters(spectrum.real**2 + spectrum.imag**2) + GUARD).astype(np.float32)
