"""`spec160`: the front end of OpenSeq2Seq's Deep Speech 2, the lower bins of a linear spectrogram in decibels.

Not copied: the signal divided by its peak, and one mean and standard deviation for all of an utterance's values. In decibels the
peak is a constant, which a recipe's `normalization` takes away again, each bin for itself (SEED correction C5).

Source: NVIDIA/OpenSeq2Seq, open_seq2seq/data/speech2text/speech_utils.py, get_speech_features with features_type "spectrogram".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.window import symmetric_hann

FLOOR = 1e-30  # of the power, -300 dB


class Spec160(Extractor):
    """16 kHz, 20 ms Hann window every 10 ms, centred, 10 log10 of the power of the lowest bins of a 320-point spectrum, 50 Hz apart.

    Args:
        bins: 160 (the large network) or 96 (the small one).
    """

    name: ClassVar[str] = "spec160"
    choices: ClassVar[Mapping[str, tuple[object, ...]]] = MappingProxyType({"bins": (160, 96)})
    sample_rate = 16000
    window_length = 320  # 20 ms, and the FFT's length
    hop_length = 160  # 10 ms
    padding = 160  # half a window

    def __init__(self, *, bins: int = 160) -> None:
        self.bins = bins
        self.num_features = bins
        self.window = symmetric_hann(self.window_length)

    def compute(self, frames: Samples) -> Features:
        spectrum = np.fft.rfft(frames * self.window, axis=1)[:, : self.bins]
        power = np.maximum(spectrum.real**2 + spectrum.imag**2, FLOOR)
        return (10.0 * np.log10(power)).astype(np.float32)
