"""`waveform`: no features at all, but the samples themselves, for encoders that bring a front end of their own.

A frame holds the 320 samples of its 20 ms, the stride of wav2vec 2.0 and its relatives. What fills no whole frame at the end is left out.
Nothing is normalised: what a network wants there it does itself, for mean and variance of a whole recording are no matter of a frame.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples


class Waveform(Extractor):
    """16 kHz, frames of 320 samples that neither overlap nor leave anything out."""

    name: ClassVar[str] = "waveform"
    sample_rate = 16000
    num_features = 320
    window_length = 320
    hop_length = 320

    def __init__(self) -> None:
        self.window = np.ones(self.window_length)

    def compute(self, frames: Samples) -> Features:
        return frames.astype(np.float32)
