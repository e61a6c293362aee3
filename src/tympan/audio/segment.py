"""Long recordings -> pieces of bounded length, cut where nobody speaks.

    blocks of any size -> window of max_s + 1 s -> energy of 10 ms frames -> the longest pause -> its quietest place -> cut

A cut depends only on the samples of its window, never on how the blocks came, and a window begins where the last cut was made:
so a recording is always cut in the same places. Nothing is dropped, not even silence: the pieces joined are the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tympan.errors import AudioError

FRAME_S = 0.010
DEAD = 1.0 / 32768  # the smallest step of 16 bits: a microphone gives more, what programs fill up with gives no more
_TAIL_S = 1.0  # the last piece is not shorter, where it can be: a recogniser needs some context
_SMOOTHING_FRAMES = 9  # 90 ms: longer than the closure of a stop consonant, shorter than a pause between words
_SILENCE_DB = -70.0  # dBFS; below lies dither, and digital silence must not pull the noise floor to minus infinity
_FLOOR_PERCENTILE, _SPEECH_PERCENTILE = 10, 90
_PAUSE_SHARE = 0.3  # of the way from noise floor to speech level, in dB; lower misses noisy pauses, higher takes fricatives
_AS_QUIET_DB = 1.0  # places within 1 dB are equally quiet: then the middle of the pause is the safest


@dataclass(frozen=True, eq=False)
class AudioSegment:
    """A piece of a recording.

    Attributes:
        start_s: seconds from the beginning of the recording.
        samples: (n,) float32, a copy.
    """

    start_s: float
    samples: npt.NDArray[np.float32]


def segments(
    blocks: Iterable[npt.NDArray[np.float32]],
    sample_rate: int,
    *,
    max_s: float = 20.0,
    min_s: float | None = None,
    pause_s: float = 0.2,
) -> Iterator[AudioSegment]:
    """Cut a stream of samples into contiguous pieces at pauses.

    Among the pauses between min_s and max_s of a piece the longest wins (of equal ones the later), and the cut lies in its
    quietest place. Where there is no pause, the quietest place of all is taken. Memory: max_s + 1 s of samples and one block.

    Args:
        blocks: (n,) float32 each, any n; for example `tympan.audio.blocks(...)`.
        sample_rate: Hz.
        max_s: no piece is longer.
        min_s: earliest cut; max_s / 2 if None. Only the last piece may be shorter, or one that makes room for it.
        pause_s: a quiet stretch counts as a pause from this length on.

    Returns:
        Pieces in order; exactly one for 1 to max_s * sample_rate samples, none for no samples.

    Raises:
        AudioError: times that contradict each other.

    >>> [(piece.start_s, len(piece.samples)) for piece in segments([np.zeros(16000, np.float32)], 16000)]
    [(0.0, 16000)]
    """
    min_s = max_s / 2 if min_s is None else min_s
    if not (FRAME_S <= max_s < float("inf") and 0 <= min_s <= max_s and pause_s >= 0 and sample_rate > 0):
        raise AudioError(
            f"Segments cannot be cut with max_s={max_s}, min_s={min_s}, pause_s={pause_s} at {sample_rate} Hz.", "Use 0 <= min_s <= max_s."
        )
    return _segments(blocks, _Cutter(sample_rate, max_s, min_s, pause_s))


def _segments(blocks: Iterable[npt.NDArray[np.float32]], cutter: _Cutter) -> Iterator[AudioSegment]:
    waiting = np.zeros(0, np.float32)
    arrived: list[npt.NDArray[np.float32]] = []
    arrived_count = start = 0
    for block in blocks:
        arrived.append(block)
        arrived_count += len(block)
        if len(waiting) + arrived_count < cutter.window:
            continue  # joined only when a cut can be made: blocks of 10 ms must not copy the window each time
        waiting = np.concatenate([waiting, *arrived])
        arrived, arrived_count = [], 0
        while len(waiting) >= cutter.window:
            cut = cutter.place(waiting[: cutter.window])
            yield AudioSegment(start / cutter.sample_rate, waiting[:cut].copy())
            waiting, start = waiting[cut:], start + cut
    waiting = np.concatenate([waiting, *arrived])
    while len(waiting) > cutter.longest:
        cut = cutter.place(waiting)
        yield AudioSegment(start / cutter.sample_rate, waiting[:cut].copy())
        waiting, start = waiting[cut:], start + cut
    if len(waiting):
        yield AudioSegment(start / cutter.sample_rate, waiting.copy())


class _Cutter:
    """Where to cut a window. All lengths in samples, except those named frames."""

    def __init__(self, sample_rate: int, max_s: float, min_s: float, pause_s: float) -> None:
        self.sample_rate = sample_rate
        self.frame = max(1, round(FRAME_S * sample_rate))
        self.longest = max(1, round(max_s * sample_rate))
        self.shortest = round(min_s * sample_rate)
        self.pause_frames = max(1, round(pause_s / FRAME_S))
        self.tail = min(int(_TAIL_S * sample_rate), self.longest // 4)
        self.window = self.longest + max(1, self.tail)

    def place(self, samples: npt.NDArray[np.float32]) -> int:
        """Where the next piece ends: 1 <= place <= longest, for longest < len(samples) <= window."""
        latest = min(self.longest, len(samples) - self.tail)
        earliest = min(self.shortest, latest)
        loudness = frame_loudness(samples, self.frame)
        first, last = -(-earliest // self.frame), latest // self.frame  # cuts fall between frames: at first..last
        first = max(1, first)
        if last < first:
            return max(1, latest)
        smooth = _smoothed(loudness)
        # A cut before frame k touches the frames k - 1 and k.
        cost = np.maximum(smooth[first - 1 : last], smooth[first : last + 1])
        runs = _quiet_runs(loudness, first, last)
        long_runs = [run for run in runs if run[1] - run[0] >= self.pause_frames]
        if not long_runs:
            quietest = len(cost) - 1 - int(np.argmin(cost[::-1]))  # the later of equals
            return (first + quietest) * self.frame
        begin, end = max(long_runs, key=lambda run: (run[1] - run[0], run[0]))
        return _quietest_near_middle(cost, begin, end, first) * self.frame


def without_dead_tail(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N,) samples without the digital silence at their end, which is no sound but what a program filled up with.

    A network that is normalised over the utterance, or looks at all of it, hears the words before differently for it.
    """
    alive = np.flatnonzero(np.abs(samples) > DEAD)
    return samples[: alive[-1] + 1] if len(alive) else samples[:0]


def frame_loudness(samples: npt.NDArray[np.float32], frame: int) -> npt.NDArray[np.float64]:
    """(N,) samples -> (ceil(N / frame),) dBFS of each frame's mean power, not below -70; a last frame may be short."""
    whole = len(samples) // frame * frame
    power = np.square(samples[:whole], dtype=np.float64).reshape(-1, frame).mean(axis=1)
    if whole < len(samples):
        power = np.append(power, np.square(samples[whole:], dtype=np.float64).mean())
    loudness: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(power, 10 ** (_SILENCE_DB / 10)))
    return loudness


def _smoothed(loudness: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    half = _SMOOTHING_FRAMES // 2
    padded = np.pad(loudness, half, mode="edge")
    return np.convolve(padded, np.full(_SMOOTHING_FRAMES, 1 / _SMOOTHING_FRAMES), mode="valid")


def _quiet_runs(loudness: npt.NDArray[np.float64], first: int, last: int) -> list[tuple[int, int]]:
    """Stretches of quiet frames [begin, end), clipped to where a cut may lie."""
    floor, speech = np.percentile(loudness, [_FLOOR_PERCENTILE, _SPEECH_PERCENTILE])
    quiet = loudness[first - 1 : last + 1] <= floor + _PAUSE_SHARE * (speech - floor)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    return [(int(begin) + first - 1, int(end) + first - 1) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _quietest_near_middle(cost: npt.NDArray[np.float64], begin: int, end: int, first: int) -> int:
    """The frame edge within the pause [begin, end) that is quiet, and of equally quiet ones the most central."""
    edges = np.arange(max(begin, first), min(end, first + len(cost) - 1) + 1)
    costs = cost[edges - first]
    candidates = edges[costs <= costs.min() + _AS_QUIET_DB]
    return int(candidates[np.argmin(np.abs(candidates - (begin + end) / 2))])
