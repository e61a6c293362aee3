from __future__ import annotations

import numpy as np
import pytest

from sounds import RATE, energy_between, lag, power, scene, tone, white
from tympan.data.augment.telephone import Telephone, through_telephone

CODINGS = ["none", "mu-law", "a-law"]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("rate", [RATE, 22_050, 44_100])
def test_no_energy_is_above_3400_or_below_200_hertz(coding: str, rate: int) -> None:
    heard = through_telephone(white(rate, level=0.2), rate, coding)
    assert energy_between(heard, 3400, rate / 2, rate) < 1e-6
    assert energy_between(heard, 0, 200, rate) < 1e-6
    assert energy_between(heard, 400, 3200, rate) > 0.93


@pytest.mark.parametrize("hertz", [450, 1000, 2000, 3150])
def test_the_band_itself_is_left_as_it_is(hertz: float) -> None:
    sound = tone(hertz)
    heard = through_telephone(sound, RATE, "none")
    np.testing.assert_allclose(heard[2000:-2000], sound[2000:-2000], atol=0.01)


@pytest.mark.parametrize("coding", ["mu-law", "a-law"])
def test_the_coding_is_heard_at_about_37_decibels(coding: str) -> None:
    """What ITU-T G.711 gives for speech levels; the band alone has no such error."""
    sound = tone(1003, level=0.1)
    error = through_telephone(sound, RATE, coding)[2000:-2000] - through_telephone(sound, RATE, "none")[2000:-2000]
    assert 32 < 10 * np.log10(power(sound) / power(error)) < 43


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("rate", [1000, 8000, 11_025, RATE, 48_000])
@pytest.mark.parametrize("count", [0, 1, 2, 777])
def test_length_stays_at_any_rate(coding: str, rate: int, count: int) -> None:
    heard = through_telephone(white(count), rate, coding)
    assert heard.shape == (count,) and heard.dtype == np.float32 and np.isfinite(heard).all()


@pytest.mark.parametrize("rate", [8000, RATE, 22_050])
def test_words_stay_in_their_places(rate: int) -> None:
    assert lag(white(rate), through_telephone(white(rate), rate, "mu-law")) == 0


def test_each_coding_is_drawn() -> None:
    section, samples = Telephone(codings=("mu-law", "a-law", "none")), white(100)
    phrases = {section.change(samples, np.random.default_rng(seed), scene(samples))[1] for seed in range(30)}
    assert phrases == {"telephone", "telephone mu-law", "telephone a-law"}
