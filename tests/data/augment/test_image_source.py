"""Calculated rooms against mirrors worked one by one, and against the reverberation time that was asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sounds import RATE
from tympan.data.augment.image_source import (
    EARLY_S,
    Room,
    Shoebox,
    draw_room,
    early_reflections,
    images,
    place,
    reflection_factor,
    simulate,
)

ROOM = Room(np.array([4.0, 3.0, 2.5]), np.array([1.0, 1.2, 1.5]), np.array([2.9, 2.1, 1.1]), 0.4)


def mirrored(room: Room, reach: float) -> dict[tuple[float, ...], int]:
    """Places of all images within reach -> the fewest mirrors that make them, by mirroring images at each wall until none is new."""
    found = {tuple(np.round(room.mouth, 6)): 0}
    newest = dict(found)
    while newest:
        following = {}
        for spot, count in newest.items():
            for axis in range(3):
                for wall in (0.0, room.size[axis]):
                    image = list(spot)
                    image[axis] = round(2 * wall - image[axis], 6)
                    near = np.linalg.norm(np.array(image) - room.microphone) < reach + 2 * room.size.max()
                    if near and tuple(image) not in found:
                        following[tuple(image)] = found[tuple(image)] = count + 1
        newest = following
    return {spot: count for spot, count in found.items() if np.linalg.norm(np.array(spot) - room.microphone) < reach}


@pytest.mark.parametrize("reach", [2.2, 3.5, 12.0])
def test_images_are_those_of_mirrors_at_six_walls(reach: float) -> None:
    distances, bounces = images(ROOM, reach)
    found = sorted(zip(distances.round(4).tolist(), bounces.tolist(), strict=True))
    expected = [(round(float(np.linalg.norm(np.array(spot) - ROOM.microphone)), 4), count) for spot, count in mirrored(ROOM, reach).items()]
    assert found == sorted(expected)
    assert found[0] == (round(ROOM.distance_m, 4), 0), "the direct sound"


def test_walls_absorb_by_eyrings_formula() -> None:
    """A cube of 5 m: V / S = 5 / 6; T60 of 0.5 s asks for ln(1 - absorption) = -24 ln 10 x 5 / (6 x 343 x 0.5)."""
    cube = Room(np.full(3, 5.0), np.full(3, 1.0), np.full(3, 2.0), 0.5)
    assert 2 * np.log(reflection_factor(cube)) == pytest.approx(-24 * 2.302585 * 5 / (6 * 343 * 0.5), rel=1e-6)


def test_reflections_arrive_when_and_as_strong_as_they_must() -> None:
    """A room so large that only the floor and the ceiling give an echo in time, at sqrt(2^2 + 3^2) m and sqrt(2^2 + 7^2) m."""
    room = Room(np.array([90.0, 90.0, 5.0]), np.array([44.0, 45.0, 1.5]), np.array([46.0, 45.0, 1.5]), 2.0)
    response = early_reflections(room, 48_000, 900)
    factor = reflection_factor(room)
    for far in (3.0, 7.0):
        distance = np.hypot(2.0, far)
        delay = (distance - 2.0) / 343 * 48_000
        around = response[int(delay) - 40 : int(delay) + 42]
        spectrum_at_zero = np.abs(np.fft.rfft(around * np.hanning(len(around)), 4096))[100:900]  # flat for one pulse
        assert np.median(spectrum_at_zero) == pytest.approx(factor * 2.0 / distance, rel=0.1)
        assert abs(int(np.argmax(np.abs(around))) + int(delay) - 40 - delay) < 1


def test_a_pulse_between_two_samples_is_a_band_limited_one() -> None:
    pulse = place(np.array([200.5]), np.array([1.0]), 400, RATE)
    near = np.arange(190, 212)
    np.testing.assert_allclose(pulse[near], np.sinc(near - 200.5), atol=0.01)  # but for what is cut off below 40 Hz


def decay_time(response: npt.NDArray[np.float32]) -> float:
    """T60 by Schroeder's backward integration, from -5 to -25 dB (ISO 3382)."""
    left = 10 * np.log10(np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1] / np.sum(response.astype(np.float64) ** 2))
    first, last = int(np.argmax(left < -5)), int(np.argmax(left < -25))
    return float(-60 / np.polyfit(np.arange(first, last) / RATE, left[first:last], 1)[0])


@pytest.mark.parametrize("rt60_s", [0.2, 0.5, 1.0])
def test_sound_dies_away_in_the_time_asked_for(rt60_s: float) -> None:
    ranges = Shoebox(rt60_s=(rt60_s, rt60_s), distance_m=(1.0, 3.0), side_m=(3.0, 7.0))
    times = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        times.append(decay_time(simulate(draw_room(ranges, rng), RATE, rng)))
    assert np.median(times) == pytest.approx(rt60_s, rel=0.15)


def test_early_and_late_part_join_without_a_step() -> None:
    steps = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        response = simulate(draw_room(Shoebox(rt60_s=(0.5, 0.5)), rng), RATE, rng).astype(np.float64)
        joint = round(EARLY_S * RATE)
        before, after = (float((response[begin : begin + 240] ** 2).sum()) for begin in (joint - 240, joint))  # 15 ms each
        steps.append(10 * np.log10(after / before))
    assert np.median(steps) == pytest.approx(-10 * 6 * 0.015 / 0.5, abs=1.5)  # what is lost in 15 ms


def test_response_begins_with_the_direct_sound_and_ends_at_its_time() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        room = draw_room(Shoebox(), rng)
        response = simulate(room, RATE, rng)
        assert response.dtype == np.float32 and np.isfinite(response).all()
        assert response[0] == pytest.approx(1, abs=0.15)  # less what is cut off below 40 Hz
        assert len(response) == round(room.rt60_s * RATE)


def test_rooms_are_within_their_ranges_and_people_within_the_rooms() -> None:
    ranges = Shoebox(side_m=(3.0, 4.0), height_m=(2.4, 2.5), rt60_s=(0.2, 0.3), distance_m=(0.5, 1.5))
    rooms = [draw_room(ranges, np.random.default_rng(seed)) for seed in range(200)]
    for room in rooms:
        assert (room.size[:2] >= 3).all() and (room.size[:2] <= 4).all() and 2.4 <= room.size[2] <= 2.5
        assert 0.2 <= room.rt60_s <= 0.3
        for person in (room.mouth, room.microphone):
            assert (person >= 0.4).all() and (person <= room.size - 0.4).all()
        assert 0.5 <= room.distance_m <= 1.5
    assert np.std([room.size[0] for room in rooms]) > 0.2


def test_a_distance_that_the_room_has_not_becomes_the_nearest() -> None:
    room = draw_room(Shoebox(side_m=(2.0, 2.0), height_m=(2.0, 2.0), distance_m=(30.0, 40.0)), np.random.default_rng(0))
    assert 1.0 < room.distance_m < 2.1  # the diagonal of what is 0.4 m from the walls


@pytest.mark.parametrize("rate", [1000, 8000, 44_100])
def test_any_rate_and_the_smallest_dead_room_give_a_response(rate: int) -> None:
    ranges = Shoebox(side_m=(1.0, 1.0), height_m=(1.0, 1.0), rt60_s=(0.05, 0.05), distance_m=(0.05, 0.05))
    rng = np.random.default_rng(1)
    response = simulate(draw_room(ranges, rng), rate, rng)
    assert len(response) == round(0.05 * rate) and np.isfinite(response).all()
