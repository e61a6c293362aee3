"""Attention models at run time: what a search asks of the speller, where tokens lie, and what a loop is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan.errors import ShapeError
from tympan.tokens import BLANK

Array = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
EDGE = BLANK  # begins and ends every text
UNSEEN = 1e-8  # weight below which a frame is as good as not looked at


class SpellerNetwork(Protocol):
    """The speller's step on one utterance, by torch or by onnxruntime; the encoder has run before.

    A state is whatever `step` gave, one row for each hypothesis; the search only hands it back. None stands before EDGE.

    Attributes:
        frames: T', encoded frames of the utterance.
    """

    frames: int

    def step(self, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[Array, Array, Any]:
        """n tokens, each read in the state of its row -> log_probs (n, V) of what follows, weights (n, T') of the look, and states."""
        ...


def checked_step(log_probs: Array, weights: Array, rows: int, frames: int) -> tuple[Scores, Scores]:
    """The speller's answer in double precision; ShapeError if it is none."""
    if log_probs.ndim != 2 or len(log_probs) != rows or log_probs.shape[1] < 2 or weights.shape != (rows, frames):
        found = f"{log_probs.shape} and weights {weights.shape}"
        raise ShapeError(f"The speller gave {found} for {rows} hypotheses and {frames} frames, not ({rows}, V) and ({rows}, {frames}).")
    if np.isnan(log_probs).any() or np.isnan(weights).any():
        raise ShapeError("log_probs or weights hold NaN.", "The network's weights or its input are damaged.")
    return log_probs.astype(np.float64), weights.astype(np.float64)


def frames_of_tokens(weights: npt.NDArray[np.floating[Any]]) -> list[int]:
    """The frame of each token: those in rising order that were looked at most.

    Args:
        weights: (U, T'), a row for each token.

    Returns:
        U frames, each later than the one before; where there are more tokens than frames, none earlier than the one before. Of all such
        choices the one whose product of weights is highest.
    """
    count, frames = weights.shape
    if not count:
        return []
    apart = int(count <= frames)
    looked = np.log(np.maximum(weights.astype(np.float64), UNSEEN))
    best = looked[0]
    came: list[npt.NDArray[np.int64]] = []  # the best frame of the token before, for each frame of a token
    for row in looked[1:]:
        before = np.maximum.accumulate(best)
        places = np.maximum.accumulate(np.where(best >= before, np.arange(frames), 0))
        came.append(np.concatenate((np.zeros(apart, np.int64), places[: frames - apart])))
        best = np.concatenate((np.full(apart, -np.inf), before[: frames - apart])) + row
    found = [int(best.argmax())]
    for places in reversed(came):
        found.append(int(places[found[-1]]))
    return found[::-1]


def repeated(tokens: Sequence[int], places: Sequence[int], length: int) -> int | None:
    """Whether the last `length` tokens were written before, from the same sound: the network looks again where it was, or further back.

    Args:
        tokens: of a hypothesis.
        places: frame that was looked at most for each.
        length: tokens that have to be the same.

    Returns:
        Tokens before the repetition, or None where there is none. What is said twice is heard twice, at two places, and is none.
    """
    last = len(tokens) - length
    if last < 1:
        return None
    tail, here = tuple(tokens[last:]), sum(places[last:])
    for first in range(last):
        if tokens[first] == tail[0] and tuple(tokens[first : first + length]) == tail and sum(places[first : first + length]) >= here:
            return last
    return None
