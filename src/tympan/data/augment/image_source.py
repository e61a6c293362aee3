"""Rooms by calculation: early reflections from image sources, then a decaying noise.

Early: Allen and Berkley 1979, Image method for efficiently simulating small-room acoustics; walls absorb by Eyring's formula.
Late: the images come so densely that they are noise. Between t and t + dt arrive 4 pi c^3 t^2 / V dt of them, each of energy
(d / (c t))^2 10^(-6 t / T60), with the direct sound, at distance d, as 1: together 4 pi c d^2 / V 10^(-6 t / T60) dt. So the
noise needs no fitting. This is how gpuRIR speeds it up too (Diaz-Guerra et al. 2021, arXiv:1810.11359, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from tympan.data.augment.recordings import Samples
from tympan.data.augment.section import Range, Section, between

SOUND_M_S = 343.0  # in air of 20 degrees
EARLY_S = 0.06  # after the direct sound
FINER = 8  # places between two samples at which a reflection may arrive
LOWEST_HZ = 40.0  # reflections are all positive, so their sum would drift: Allen and Berkley filter it too
FROM_WALL_M = 0.4
TRIES = 64


class Shoebox(Section):
    """Ranges from which a room with six flat walls is drawn, and where mouth and microphone are in it."""

    side_m: Annotated[Range, between(1, 100)] = (2.5, 10.0)
    height_m: Annotated[Range, between(1, 30)] = (2.2, 4.0)
    rt60_s: Annotated[Range, between(0.05, 3)] = (0.1, 0.8)
    distance_m: Annotated[Range, between(0.05, 50)] = (0.3, 4.0)


@dataclass(frozen=True)
class Room:
    """One room.

    Attributes:
        size: (3,) metres.
        mouth, microphone: (3,) metres from one corner.
        rt60_s: seconds until the sound has fallen by 60 dB.
    """

    size: npt.NDArray[np.float64]
    mouth: npt.NDArray[np.float64]
    microphone: npt.NDArray[np.float64]
    rt60_s: float

    @property
    def distance_m(self) -> float:
        """From mouth to microphone."""
        return float(np.linalg.norm(self.mouth - self.microphone))

    def __str__(self) -> str:
        sides = " x ".join(f"{side:.1f}" for side in self.size)
        return f"of {sides} m, {self.rt60_s:.2f} s, at {self.distance_m:.1f} m"


def draw_room(ranges: Shoebox, rng: np.random.Generator) -> Room:
    """A room of these ranges; where they leave no place at the distance asked for, the nearest distance that was found."""
    size = np.array([rng.uniform(*ranges.side_m), rng.uniform(*ranges.side_m), rng.uniform(*ranges.height_m)])
    places = FROM_WALL_M + rng.random((TRIES, 2, 3)) * (size - 2 * FROM_WALL_M)
    distances = np.linalg.norm(places[:, 0] - places[:, 1], axis=1)
    low, high = ranges.distance_m
    best = int(np.argmin(np.maximum(low - distances, 0) + np.maximum(distances - high, 0)))
    return Room(size, places[best, 0], places[best, 1], float(rng.uniform(*ranges.rt60_s)))


def reflection_factor(room: Room) -> float:
    """Share of the amplitude that a wall gives back: Eyring's T60 = 24 ln 10 V / (-c S ln(factor^2)), solved for it."""
    width, depth, height = room.size
    surface = 2 * (width * depth + width * height + depth * height)
    return float(np.exp(-12 * np.log(10) * np.prod(room.size) / (SOUND_M_S * surface * room.rt60_s)))


def simulate(room: Room, sample_rate: int, rng: np.random.Generator) -> Samples:
    """The impulse response (K,), which begins with the direct sound as 1; it ends where it has fallen by 60 dB."""
    early = round(min(EARLY_S, room.rt60_s) * sample_rate)
    response = np.zeros(max(1, early, round(room.rt60_s * sample_rate)))
    response[:early] = early_reflections(room, sample_rate, early)
    late = np.arange(early, len(response))
    seconds = room.distance_m / SOUND_M_S + late / sample_rate  # since the sound left the mouth
    energy = 4 * np.pi * SOUND_M_S * room.distance_m**2 / (np.prod(room.size) * sample_rate) * 10 ** (-6 * seconds / room.rt60_s)
    response[early:] = np.sqrt(energy) * rng.standard_normal(len(late))
    return response.astype(np.float32)


def early_reflections(room: Room, sample_rate: int, count: int) -> npt.NDArray[np.float64]:
    """(count,) the sum of all images that arrive within `count` samples after the direct sound."""
    distances, bounces = images(room, room.distance_m + count / sample_rate * SOUND_M_S)
    amplitudes = reflection_factor(room) ** bounces * room.distance_m / distances
    delays = (distances - room.distance_m) / SOUND_M_S * sample_rate
    return place(delays, amplitudes, count, sample_rate)


def images(room: Room, reach: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distances in metres, all below `reach`, of the mouth and its mirror images, and the walls that each was mirrored at."""
    squares, bounces = np.zeros(1), np.zeros(1)
    for side, mouth, microphone in zip(room.size, room.mouth, room.microphone, strict=True):
        copies = np.arange(-int(reach / (2 * side)) - 1, int(reach / (2 * side)) + 2)
        offsets = np.concatenate([2 * copies * side + mouth, 2 * copies * side - mouth]) - microphone
        walls = np.concatenate([2 * np.abs(copies), np.abs(2 * copies - 1)])
        squares = (squares[:, None] + offsets**2).ravel()
        bounces = (bounces[:, None] + walls).ravel()
        near = squares < reach**2
        squares, bounces = squares[near], bounces[near]
    return np.sqrt(squares), bounces


def place(delays: npt.NDArray[np.float64], amplitudes: npt.NDArray[np.float64], count: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """(count,) pulses at delays between samples, limited to the band below half the rate."""
    size = 1 << (2 * count).bit_length()
    fine = np.bincount(np.rint(delays * FINER).astype(np.int64), amplitudes, minlength=FINER * size)
    spectrum = np.fft.rfft(fine)[: size // 2 + 1]
    hertz = np.arange(len(spectrum)) * sample_rate / size
    spectrum *= np.clip(hertz / LOWEST_HZ, 0, 1)
    return np.fft.irfft(spectrum, size)[:count]
