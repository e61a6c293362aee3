"""One step of a speller that hears in blocks, as an onnxruntime session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tympan.decoding.attention import Array
from tympan.decoding.onnx_speller import STATES, OnnxSpeller

if TYPE_CHECKING:
    import onnxruntime

CARRIED = STATES[:-1]  # from block to block; the weights are of one window, and this attention has no use for them


class OnnxBlocks:
    """`BlockNetwork` by onnxruntime.

    Args:
        session: of the graph of `OnnxSpeller`.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session

    def step(
        self, keys: Array, values: Array, tokens: Sequence[int], state: Any, rows: Sequence[int]
    ) -> tuple[Array, Array, dict[str, Array]]:
        """n tokens, each read in the state of its row, in a window of w frames -> log_probs (n, V), weights (n, w), states."""
        speller = OnnxSpeller(self.session, keys, values)
        if state is not None:
            weights = np.zeros((len(state[CARRIED[0]]), *keys.shape[1:3]), np.float32)
            state = {**{name: state[name] for name in CARRIED}, "weights": weights}
        return speller.step(tokens, state, rows)

    def join(self, states: Sequence[Any], picks: Sequence[tuple[int, int]]) -> dict[str, Array]:
        """One state of the rows (number of the state, row in it)."""
        return {name: np.stack([states[number][name][row] for number, row in picks]) for name in CARRIED}
