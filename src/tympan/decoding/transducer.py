"""Transducers at run time: what a search asks of the networks, and greedy decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan.decoding.hypothesis import Hypothesis
from tympan.errors import ShapeError
from tympan.tokens import BLANK

Array = npt.NDArray[np.float32]
MAX_SYMBOLS = 5


class TransducerNetworks(Protocol):
    """The predictor and the joiner, by torch or by onnxruntime; the encoder has run before.

    A state is whatever `predict` gave; the search only hands it back. None stands before the start symbol, which is the blank.
    """

    def predict(self, tokens: Sequence[int], states: Sequence[Any]) -> tuple[Array, Sequence[Any]]:
        """n tokens and the states before them -> predicted (n, P) and the n states after them."""
        ...

    def join(self, encoded: Array, predicted: Array) -> Array:
        """(D,) of one frame and (n, P) -> log_probs (n, V), natural log."""
        ...


def checked_rows(log_probs: Array, rows: int) -> npt.NDArray[np.float64]:
    """The joiner's answer in double precision; ShapeError if it is none."""
    if log_probs.ndim != 2 or len(log_probs) != rows or log_probs.shape[1] < 2:
        raise ShapeError(f"The joiner gave {log_probs.shape} for {rows} hypotheses, not ({rows}, V) with V >= 2.")
    if np.isnan(log_probs).any():
        raise ShapeError("log_probs hold NaN.", "The network's weights or its input are damaged.")
    return log_probs.astype(np.float64)


def checked_frames(encoded: Array) -> Array:
    """`encoded`, if it is (T, D); ShapeError otherwise."""
    if encoded.ndim != 2:
        raise ShapeError(f"encoded must be (T, D) of one utterance, not {encoded.shape}.")
    return encoded


def transducer_greedy(networks: TransducerNetworks, encoded: Array, *, max_symbols: int = MAX_SYMBOLS) -> Hypothesis:
    """Follow the most probable token, frame by frame, until the blank leads to the next frame.

    Args:
        networks: predictor and joiner.
        encoded: (T, D) float32, valid frames only.
        max_symbols: tokens a frame, at most; then the blank is taken as it is. Without a bound an untrained network never ends.

    Returns:
        The hypothesis; its score is the log-probability of the one path that was followed.

    Raises:
        ShapeError: encoded is not (T, D), max_symbols is below 1, or the joiner's answer has another shape or holds NaN.

    Source: Graves 2012, arXiv:1211.3711, section 2.4, with a beam of one.
    """
    if max_symbols < 1:
        raise ShapeError(f"max_symbols is {max_symbols}, but must be at least 1.")
    tokens: list[int] = []
    frames: list[int] = []
    peaks: list[float] = []
    score = 0.0
    predicted, states = networks.predict([BLANK], [None])
    for frame, heard in enumerate(checked_frames(encoded)):
        for symbols in range(max_symbols + 1):
            row = checked_rows(networks.join(heard, predicted), 1)[0]
            token = BLANK if symbols == max_symbols else int(row.argmax())
            score += float(row[token])
            if token == BLANK:
                break
            tokens.append(token)
            frames.append(frame)
            peaks.append(float(row[token]))
            predicted, states = networks.predict([token], states)
    ends = tuple(frame + 1 for frame in frames)
    return Hypothesis(tuple(tokens), score, score, timesteps=tuple(frames), ends=ends, token_log_probs=tuple(peaks))
