from __future__ import annotations

import numpy as np
import pytest

from sounds import RATE, Samples, lag, power, scene, white
from tympan.data.augment.codec import CODINGS, Codec, check_codecs, through_codec
from tympan.errors import RecipeError

# name, rate or quality: good and bad, with and without LAME's tag
SETTINGS = [("opus", 64.0), ("opus", 12.0), ("vorbis", 0.5), ("vorbis", 0.0), ("mp3", 64.0), ("mp3", 24.0), ("mu-law", 0.0), ("a-law", 0.0)]


def speech_like(seconds: float = 0.7, sample_rate: int = RATE) -> Samples:
    """Noise below a quarter of the rate that comes and goes, so that a codec keeps it and its place is known."""
    count = round(seconds * sample_rate)
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(count))
    spectrum[len(spectrum) // 4 :] = 0
    sound = np.fft.irfft(spectrum, count) * (0.3 + np.sin(np.arange(count) / sample_rate * 30) ** 2)
    return (0.2 * sound / sound.std()).astype(np.float32)


@pytest.mark.parametrize(("name", "rate"), SETTINGS)
@pytest.mark.parametrize("sample_rate", [8000, 11_025, RATE, 22_050, 44_100])
def test_words_stay_in_their_places_and_can_be_heard(name: str, rate: float, sample_rate: int) -> None:
    sound = speech_like(sample_rate=sample_rate)
    coded = through_codec(sound, sample_rate, name, rate)
    assert coded.shape == sound.shape and coded.dtype == np.float32
    assert abs(lag(sound, coded)) <= sample_rate / RATE + 1, "a sample at 16 kHz"
    assert np.corrcoef(sound, coded)[0, 1] > 0.5
    assert not np.array_equal(sound, coded)


@pytest.mark.parametrize(("name", "rate"), SETTINGS)
@pytest.mark.parametrize("count", [0, 1, 2, 100, 575, 1105, 1153, 4001])
def test_length_stays_whatever_frames_the_codec_has(name: str, rate: float, count: int) -> None:
    coded = through_codec(white(count), RATE, name, rate)
    assert coded.shape == (count,) and coded.dtype == np.float32 and np.isfinite(coded).all()


def test_less_is_worse() -> None:
    sound = speech_like()
    for name, good, bad in (("opus", 48.0, 10.0), ("mp3", 64.0, 24.0), ("vorbis", 0.9, 0.0)):
        errors = [power(through_codec(sound, RATE, name, rate) - sound) for rate in (good, bad)]
        assert errors[1] > 2 * errors[0], name


def mu_law_levels() -> set[int]:
    """ITU-T G.711: sign, exponent and mantissa, on 14 bits; times 4 for 16."""
    magnitudes = {(((2 * mantissa + 33) << exponent) - 33) * 4 for exponent in range(8) for mantissa in range(16)}
    return magnitudes | {-magnitude for magnitude in magnitudes}


def a_law_levels() -> set[int]:
    """ITU-T G.711: 13 bits; times 8 for 16."""
    magnitudes = {((mantissa << 4) + 8) for mantissa in range(16)}
    magnitudes |= {((mantissa << 4) + 0x108) << (exponent - 1) for exponent in range(1, 8) for mantissa in range(16)}
    return magnitudes | {-magnitude for magnitude in magnitudes}


@pytest.mark.parametrize(("name", "levels"), [("mu-law", mu_law_levels()), ("a-law", a_law_levels())])
def test_g711_gives_the_level_next_to_the_sample(name: str, levels: set[int]) -> None:
    sound = np.linspace(-0.97, 0.97, 3001, dtype=np.float32)
    coded = through_codec(sound, RATE, name) * 32768
    listed = np.array(sorted(levels))
    assert np.isin(np.rint(coded), listed).all()
    np.testing.assert_allclose(coded, np.rint(coded), atol=1e-3)
    chosen = np.searchsorted(listed, np.rint(coded))
    gaps = np.diff(listed, prepend=listed[0] - 1024, append=listed[-1] + 1024)
    error = np.abs(coded - sound * 32768)
    assert (error <= np.maximum(gaps[chosen], gaps[chosen + 1]) / 2 + 8).all(), "half a step, and what is lost on the way to 12 bits"


def test_what_is_beyond_full_scale_is_clipped_and_does_not_wrap() -> None:
    for name in CODINGS:
        coded = through_codec(np.full(4000, 3.0, np.float32), RATE, name, 0.5 if name == "vorbis" else 64.0)
        assert coded[1000:3000].min() > -0.6 and np.abs(coded).max() < 2.5, name
    assert through_codec(np.array([3.0, -3.0], np.float32), RATE, "mu-law") == pytest.approx([0.98, -0.98], abs=0.02)


def test_the_same_samples_are_coded_the_same_again() -> None:
    for name, rate in SETTINGS:
        assert np.array_equal(through_codec(speech_like(), RATE, name, rate), through_codec(speech_like(), RATE, name, rate)), name


def test_each_codec_is_drawn_and_named_with_its_rate() -> None:
    section, samples = Codec(opus_kbps=(20.0, 20.0), mp3_kbps=(32.0, 32.0), vorbis_quality=(0.2, 0.2)), white(50)
    phrases = {section.change(samples, np.random.default_rng(seed), scene(samples))[1] for seed in range(60)}
    assert phrases == {"opus 20 kbit/s", "mp3 32 kbit/s", "vorbis quality 0.2", "mu-law", "a-law"}


def test_a_codec_that_is_not_there_is_told_before_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    check_codecs(["mp3", "opus"])
    monkeypatch.setattr("soundfile.available_subtypes", lambda format: {"OPUS": ""})
    with pytest.raises(RecipeError, match=r"augment\.codec\.codecs: libsndfile \S+ writes no mp3"):
        check_codecs(["opus", "mp3"])
