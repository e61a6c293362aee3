from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sounds import RATE, Held, lag, power, scene, white
from tympan.data.augment.rooms import Rooms, add_room


@pytest.mark.parametrize("position", [0, 1, 400])
@pytest.mark.parametrize("height", [1.0, 0.2, 3.0])
def test_room_of_one_impulse_changes_nothing_wherever_it_stands(position: int, height: float) -> None:
    samples = white(5000)
    response = np.zeros(801, dtype=np.float32)
    response[position] = height
    np.testing.assert_allclose(add_room(samples, response, position), samples, atol=1e-6)


@given(count=st.integers(1, 300), taps=st.integers(1, 300), seed=st.integers(0, 99))
def test_room_is_the_convolution_from_the_direct_sound_on_at_the_power_before(count: int, taps: int, seed: int) -> None:
    samples, response = white(count, seed), white(taps, seed + 1)
    direct = int(np.argmax(np.abs(response)))
    wet = add_room(samples, response, direct)
    assert wet.dtype == np.float32 and wet.shape == (count,)
    expected = np.convolve(samples.astype(np.float64), response)[direct : direct + count]
    np.testing.assert_allclose(wet, expected * np.sqrt(power(samples) / power(expected)), atol=1e-5)


def test_room_leaves_silence_silent() -> None:
    assert not add_room(np.zeros(100, np.float32), white(50), 3).any()
    assert len(add_room(np.zeros(0, np.float32), white(50), 3)) == 0


def test_a_measured_room_is_aligned_at_its_highest_peak_and_every_room_is_drawn() -> None:
    samples = white(4000)
    rooms = Held([np.eye(1, 900, place, dtype=np.float32)[0] for place in (0, 30, 899)])
    section = Rooms(manifest=Path("rooms.jsonl"))
    phrases = set()
    for seed in range(40):
        changed, phrase = section.change(samples, np.random.default_rng(seed), scene(samples, rooms=rooms))
        np.testing.assert_allclose(changed, samples, atol=1e-6)
        phrases.add(phrase)
    assert phrases == {f"room held-{number}" for number in range(3)}


@pytest.mark.parametrize("seed", range(5))
def test_a_calculated_room_keeps_the_direct_sound_in_its_place(seed: int) -> None:
    clicks = np.zeros(12_000, np.float32)
    clicks[6000] = 0.5
    section = Rooms(simulated={"distance_m": (0.3, 1.0)})  # type: ignore[arg-type]
    wet, phrase = section.change(clicks, np.random.default_rng(seed), scene(clicks))
    heard = np.flatnonzero(np.abs(wet) > 0.5 * np.abs(wet).max())
    assert heard[0] == 6000, "nothing loud comes before the direct sound, and it is among the loudest"
    assert phrase.startswith("room of ") and phrase.endswith(" m")
    speech = white(RATE)
    assert lag(speech, section.change(speech, np.random.default_rng(seed), scene(speech))[0]) == 0


def test_measured_and_calculated_rooms_are_drawn_alike() -> None:
    samples = white(200)
    section = Rooms(manifest=Path("rooms.jsonl"), simulated={"rt60_s": (0.05, 0.06)})  # type: ignore[arg-type]
    rooms = Held([np.ones(1, np.float32)])
    phrases = [section.change(samples, np.random.default_rng(seed), scene(samples, rooms=rooms))[1] for seed in range(200)]
    assert 70 < sum(phrase == "room held-0" for phrase in phrases) < 130  # 100 expected, standard deviation 7
