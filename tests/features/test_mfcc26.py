"""mfcc26 against TensorFlow's operators, and, where these do as others do, against kaldi-native-fbank."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np

from tympan.features import Mfcc26, from_config
from tympan.features.mel import FilterBank, kaldi_filters
from tympan.features.mfcc26 import cosines
from tympan.features.window import symmetric_hann

EXTRACTOR = from_config({"name": "mfcc26"})
# tf.raw_ops.AudioSpectrogram(window_size=512, stride=320, magnitude_squared=True), then tf.raw_ops.Mfcc(sample_rate=16000,
# upper_frequency_limit=8000, lower_frequency_limit=20, filterbank_channel_count=40, dct_coefficient_count=26) of TensorFlow 2.21
# on chirp(1472).
TENSORFLOW = np.fromstring(
    """
    -50.581226 21.137783 -3.633829 7.058007 10.638574 2.056816 -6.882895 -4.286551 0.692437 -1.148035
    -5.557401 -4.259801 -0.196216 -0.147849 -2.787777 -2.302364 0.664106 1.250394 -0.665494 -1.043391 0.667659
    1.27902 -0.022122 -0.730027 0.115257 0.702395
    -48.75353 23.441904 -3.087274 5.186328 8.513136 0.74621 -7.452613 -3.787413 0.884763 -0.896892 -5.449984
    -3.684754 0.561632 0.911169 -1.820782 -1.284816 1.544147 2.135661 0.065236 -0.378716 1.146694 1.674423
    0.246857 -0.483962 0.294747 0.882333
    -49.25171 23.90031 -1.532313 5.362211 7.261941 -0.85659 -8.065233 -3.890083 1.650704 -0.640957 -5.394448
    -3.610726 1.4299 2.015136 -0.854261 -0.930165 1.739491 2.38741 0.535114 -0.124885 1.052917 1.289173
    0.00925 -0.5113 0.338542 0.730321
    -51.77469 24.364769 -0.114201 4.339777 5.429693 -1.252079 -8.185528 -3.768598 1.120787 -0.993955 -5.244148
    -2.42157 2.560441 2.605148 -0.706192 -0.318023 2.607321 2.984023 0.465369 -0.381757 0.928031 1.431445
    0.154421 -0.508015 0.141756 0.676064
    """,
    sep=" ",
).reshape(4, 26)


def chirp(count: int) -> np.ndarray:
    times = np.arange(count) / 16000
    tones = 0.3 * np.sin(2 * np.pi * (200 * times + 600 * times**2))
    tones += 0.1 * np.sin(2 * np.pi * 1700 * times) * np.cos(2 * np.pi * 3 * times) + 0.02 * np.cos(1e3 * times**2)
    return tones.astype(np.float32)


def test_cepstra_are_tensorflows() -> None:
    assert EXTRACTOR(chirp(1472)).shape == (4, 26)
    assert np.abs(EXTRACTOR(chirp(1472)) - TENSORFLOW).max() < 1e-4  # of the chirp's last bits: libraries' sines differ in them


def test_silence_is_tensorflows_floor() -> None:
    silence = EXTRACTOR(np.zeros(512, np.float32))[0]
    assert abs(silence[0] - -247.13936) < 1e-4
    assert np.abs(silence[1:]).max() < 1e-4


def test_with_kaldis_window_scale_and_lowest_bin_cepstra_are_kaldis() -> None:
    options = knf.MfccOptions()
    options.frame_opts.dither = 0
    options.frame_opts.frame_length_ms, options.frame_opts.frame_shift_ms = 32, 20
    options.frame_opts.preemph_coeff = 0
    options.frame_opts.remove_dc_offset = False
    options.frame_opts.window_type = "hanning"
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = 40, 20, 8000
    options.num_ceps, options.cepstral_lifter, options.use_energy = 26, 0, False
    kaldi = knf.OnlineMfcc(options)
    samples = (0.1 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
    kaldi.accept_waveform(16000, samples.tolist())
    kaldi.input_finished()
    expected = np.stack([kaldi.get_frame(index) for index in range(kaldi.num_frames_ready)])

    class Powers(FilterBank):
        def __call__(self, spectrum: np.ndarray) -> np.ndarray:
            return super().__call__(spectrum**2)  # knf's MFCC takes powers

    ours = Mfcc26()
    ours.window = symmetric_hann(512)
    ours.filters = Powers(kaldi_filters(40, 512, 16000, 20.0, 8000.0))
    found = ours(samples)
    found[:, 0] *= np.sqrt(0.5)  # Kaldi's first coefficient is that of an orthonormal transform
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-3


def test_bins_below_62_hz_and_nyquist_are_left_out() -> None:
    assert not EXTRACTOR.filters.weights[:, [0, 1, 256]].any()
    assert EXTRACTOR.filters.weights[0, 2] > 0
    assert EXTRACTOR.filters.empty == ()


def test_cosines_are_orthogonal_and_of_length_one_but_for_the_first() -> None:
    products = cosines(40, 26).T @ cosines(40, 26)
    assert np.allclose(products, np.diag([2.0] + [1.0] * 25), atol=1e-12)


def test_shorter_than_a_window_gives_no_frame() -> None:
    assert EXTRACTOR(np.ones(511, np.float32)).shape == (0, 26)
