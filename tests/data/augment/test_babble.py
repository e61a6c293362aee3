from __future__ import annotations

import numpy as np
import pytest

from sounds import Held, Samples, power, scene, white
from tympan.data.augment.babble import Babble
from tympan.errors import RecipeError

TALKERS = [white(3000, seed, level) for seed, level in ((1, 0.01), (2, 0.5), (3, 0.1), (4, 0.2))]


def babble(samples: Samples, talkers: list[Samples], seed: int = 0, count: int = 3, snr_db: float = 10.0) -> tuple[Samples, str]:
    section = Babble(talkers=(count, count), snr_db=(snr_db, snr_db))
    return section.change(samples, np.random.default_rng(seed), scene(samples, babble=Held(talkers)))


def voices_in(added: Samples, talkers: list[Samples]) -> list[float]:
    """How loud each talker is in the sum, whatever the place it began at."""
    found = []
    for talker in talkers:
        agreement = np.fft.irfft(np.conj(np.fft.rfft(talker)) * np.fft.rfft(added), len(talker))
        found.append(float(np.abs(agreement).max()) / float(np.sqrt(power(talker)) * len(talker)))
    return found


@pytest.mark.parametrize("snr_db", [-5.0, 10.0, 30.0])
def test_the_ratio_to_all_voices_together_is_the_one_asked_for(snr_db: float) -> None:
    samples = white(8000)
    noisy, phrase = babble(samples, TALKERS, snr_db=snr_db)
    assert 10 * np.log10(power(samples) / power(noisy.astype(np.float64) - samples)) == pytest.approx(snr_db, abs=0.05)
    assert phrase == f"babble of 3, {snr_db:.0f} dB"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_as_many_others_talk_as_asked_and_equally_loud(count: int) -> None:
    samples = white(3000)
    added = babble(samples, TALKERS, count=count, snr_db=0)[0] - samples
    loudness = sorted(voices_in(added, TALKERS), reverse=True)
    assert loudness[count - 1] > 0.7 * loudness[0], "the soft talker is as loud as the loud one"
    assert all(quiet < 0.4 * loudness[0] for quiet in loudness[count:])


def test_nobody_talks_behind_himself() -> None:
    for seed in range(20):
        added = babble(TALKERS[1], TALKERS, seed, count=4, snr_db=0)[0] - TALKERS[1]
        assert voices_in(added, TALKERS)[1] < 0.3
        assert babble(TALKERS[1], TALKERS, seed, count=4)[1].startswith("babble of 3")


def test_alone_in_the_corpus_nothing_happens() -> None:
    changed, phrase = babble(TALKERS[0], [TALKERS[0]])
    assert np.array_equal(changed, TALKERS[0]) and phrase == ""


def test_without_anybody_the_recipe_is_told_what_it_lacks() -> None:
    with pytest.raises(RecipeError, match=r"augment\.babble has no manifest"):
        Babble().change(white(100), np.random.default_rng(0), scene(white(100)))


def test_numbers_of_talkers_are_drawn_from_the_range_with_its_ends() -> None:
    samples = white(100, seed=9)
    section = Babble(talkers=(1, 3))
    phrases = {section.change(samples, np.random.default_rng(seed), scene(samples, babble=Held(TALKERS)))[1][:11] for seed in range(40)}
    assert phrases == {"babble of 1", "babble of 2", "babble of 3"}
