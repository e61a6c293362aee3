"""One step of a speller as an onnxruntime session, for the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tympan.decoding.attention import Array
from tympan.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime

STATES = ("hidden", "cells", "context", "weights")
INPUTS = ("tokens", "keys", "values", *STATES)


class OnnxSpeller:
    """`SpellerNetwork` by onnxruntime.

    tokens (N,), keys (1, H, T', A), values (1, H, T', E), hidden (N, L, S), cells (N, L, S), context (N, D), weights (N, H, T')
    -> log_probs (N, V), and the last four after the step; zeros before the first.

    Args:
        session: of the graph.
        keys, values: of one utterance, valid frames only.
    """

    def __init__(self, session: onnxruntime.InferenceSession, keys: Array, values: Array) -> None:
        self.session = session
        self.keys, self.values = keys, values
        self.frames = keys.shape[2]

    def start(self) -> dict[str, Array]:
        """The state before EDGE, a row."""
        shapes = {node.name: node.shape for node in self.session.get_inputs()}
        fixed = {name: np.zeros((1, *shapes[name][1:]), np.float32) for name in STATES[:-1]}
        return {**fixed, "weights": np.zeros((1, *self.keys.shape[1:3]), np.float32)}

    def step(self, tokens: Sequence[int], state: Any, rows: Sequence[int]) -> tuple[Array, Array, dict[str, Array]]:
        """n tokens, each read in the state of its row -> log_probs (n, V), weights (n, T'), and states."""
        before = self.start() if state is None else state
        given = {name: before[name][list(rows)] for name in STATES}
        given |= {"tokens": np.array(tokens, dtype=np.int64), "keys": self.keys, "values": self.values}
        log_probs, *after = self.session.run(None, given)
        return log_probs, after[-1].mean(axis=1), dict(zip(STATES, after, strict=True))


def check_speller(session: onnxruntime.InferenceSession) -> None:
    """BundleError if a graph is no step of a speller."""
    inputs = {node.name: node for node in session.get_inputs()}
    fixed = [inputs[name].shape[1:] for name in STATES[:-1] if name in inputs]
    known = all(isinstance(size, int) and size > 0 for shape in fixed for size in shape)
    if set(inputs) != set(INPUTS) or len(session.get_outputs()) != 1 + len(STATES) or not known:
        raise BundleError(f"The decoder takes {sorted(inputs)}, not {', '.join(INPUTS)} of sizes that are known.")
