"""Where speech begins, and where a piece ends: silence after words, silence after nothing, the greatest length."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tympan.streaming.options import StreamOptions

BLANK = 0.5  # probability from which a frame counts as blank
RISE_DB_S = 1.0  # by which the noise floor follows what gets louder
FALL_DB_S = 3.0  # by which the level of speech follows what gets quieter
MARGIN_DB = 6.0  # above the floor is no silence
SHARE = 0.3  # of the way from the floor to the speech
HUSHED_DBFS = -45.0  # a stream may begin with speech: what is louder is no floor at first
SURE = 2.0  # that many times the silence is one even if something is heard: music, a street


class Loudness:
    """Whether frames are quiet, by what was heard so far: a floor that follows slowly upwards, a level that follows slowly downwards."""

    def __init__(self, frame_shift_s: float) -> None:
        self.frame_shift_s = frame_shift_s
        self.floor = self.level = math.nan

    def quiet(self, loudness: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """(T,) dBFS of the next frames -> (T,) bool."""
        result = np.zeros(len(loudness), np.bool_)
        for index, value in enumerate(loudness.tolist()):
            if math.isnan(self.floor):
                self.floor = min(value, HUSHED_DBFS)
            self.floor = value if not self.floor + RISE_DB_S * self.frame_shift_s < value else self.floor + RISE_DB_S * self.frame_shift_s
            self.level = value if not self.level - FALL_DB_S * self.frame_shift_s > value else self.level - FALL_DB_S * self.frame_shift_s
            result[index] = value < self.onset
        return result

    @property
    def onset(self) -> float:
        """dBFS that no quiet frame reaches."""
        if math.isnan(self.floor):
            return HUSHED_DBFS
        return float(self.floor + max(MARGIN_DB, SHARE * (self.level - self.floor)))


class Endpointer:
    """Follows the frames of log_probs of a piece.

    Args:
        options: the rules.
        frame_shift_s: of log_probs.
    """

    def __init__(self, options: StreamOptions, frame_shift_s: float) -> None:
        self.options = options
        self.frame_shift_s = frame_shift_s
        self.loudness = Loudness(frame_shift_s)
        self.begin()

    def begin(self) -> None:
        """The next piece."""
        self.frames = 0
        self.speech: int | None = None  # first frame that is not blank
        self.blank = self.silent = 0  # frames at the end that are blank; and quiet too
        self.pause = (0, 0)  # length and middle of the longest run of blanks in the second half of the greatest length

    def follow(self, log_probs: npt.NDArray[np.float32], loudness: npt.NDArray[np.float32] | None) -> None:
        """The next frames.

        Args:
            log_probs: (T, V).
            loudness: dBFS of each frame of features, any number of them for one of log_probs; None if it is not known.
        """
        if not len(log_probs):
            return
        if loudness is None or not len(loudness):
            quiet = np.zeros(len(log_probs), np.bool_)
        else:
            bounds = np.linspace(0, len(loudness), len(log_probs) + 1).astype(int)[:-1]
            quiet = self.loudness.quiet(np.maximum.reduceat(loudness, bounds))
        for blank, still in zip((log_probs[:, 0] > np.log(BLANK)).tolist(), quiet.tolist(), strict=True):
            if not blank and self.speech is None:
                self.speech = self.frames
            self.blank = self.blank + 1 if blank else 0
            self.silent = self.silent + 1 if blank and still else 0
            self.frames += 1
            if self.frames * self.frame_shift_s > self.options.longest_s / 2 and self.blank > self.pause[0]:
                self.pause = (self.blank, self.frames - (self.blank + 1) // 2)

    @property
    def silence_s(self) -> float:
        """Silence at the end."""
        return max(self.silent, self.blank / SURE) * self.frame_shift_s

    def after_words(self) -> bool:
        """Whether the silence ends a piece that has words."""
        return self.silence_s >= self.options.endpoint_s - 1e-9

    def after_nothing(self) -> bool:
        """Whether a piece without words is silent for so long that it can be forgotten."""
        return self.blank * self.frame_shift_s >= self.options.nothing_s - 1e-9

    def too_long(self, chunk: int) -> bool:
        """Whether one chunk more would make the piece too long."""
        return (self.frames + chunk) * self.frame_shift_s > self.options.longest_s
