"""`stft193`: the front end of the Keras CTC example, `tf.signal.stft` with frame_length 256, frame_step 160, fft_length 384.

Kept for faithful reproduction. Each frame is normalised over frequency, which removes its loudness; and the example never looks at
its recordings' rate, 22,050 Hz, so that its 256 and 160 samples are 11.6 and 7.26 ms. `sample_rate` says which rate is meant; the
arithmetic is the same at both. Shorter than a window gives (0, 193); an incomplete last frame is dropped.

Source: keras-team/keras-io, examples/audio/ctc_asr.py, encode_single_sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from tympan.features.extractor import Extractor, Features, Samples
from tympan.features.window import periodic_hann

FFT_LENGTH = 384
EPSILON = 1e-10


class Stft193(Extractor):
    """256-sample periodic Hann window every 160 samples, not centred, sqrt(magnitude) of 193 bins, each frame to mean 0 and std 1.

    The std is the population's and 1e-10 is added to it: silence gives zeros.

    Args:
        sample_rate: 22050 (faithful) or 16000, in Hz.
    """

    name: ClassVar[str] = "stft193"
    choices: ClassVar[Mapping[str, tuple[object, ...]]] = MappingProxyType({"sample_rate": (22050, 16000)})
    num_features = FFT_LENGTH // 2 + 1
    window_length = 256
    hop_length = 160

    def __init__(self, *, sample_rate: int = 22050) -> None:
        self.sample_rate = sample_rate
        self.window = periodic_hann(self.window_length)

    def compute(self, frames: Samples) -> Features:
        spectrum = np.fft.rfft(frames * self.window, FFT_LENGTH, axis=1)  # the window stands at the start of the FFT's 384 samples
        roots = np.sqrt(np.sqrt(spectrum.real**2 + spectrum.imag**2))
        roots -= roots.mean(axis=1, keepdims=True)
        std = np.sqrt((roots**2).mean(axis=1, keepdims=True))
        roots /= std + EPSILON
        return roots.astype(np.float32)
