"""A transducer's predictor and joiner as onnxruntime sessions, for the searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tympan.errors import BundleError
from tympan.tokens import BLANK

if TYPE_CHECKING:
    import onnxruntime

TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


class OnnxNetworks:
    """`TransducerNetworks` by onnxruntime.

    predictor: tokens (N,) int64 and state_0 (N, ...), state_1 ... -> predicted (N, P) and the states after them, in the same order
    joiner:    encoded (1, D) and predicted (N, P) -> log_probs (N, V)

    A state before the start symbol is blanks where it is int64, and zeros where it is float32.

    Args:
        predictor, joiner: sessions.

    Raises:
        BundleError: a graph has other inputs or outputs; they are named. Also later, if it cannot be run.
    """

    def __init__(self, predictor: onnxruntime.InferenceSession, joiner: onnxruntime.InferenceSession) -> None:
        self.predictor, self.joiner = predictor, joiner
        inputs = {node.name: node for node in predictor.get_inputs()}
        self.states = [f"state_{index}" for index in range(len(inputs) - 1)]
        outputs = len(predictor.get_outputs())
        nodes = [inputs[name] for name in self.states if name in inputs]
        if set(inputs) != {"tokens", *self.states} or outputs != len(inputs) or any(not is_state(node) for node in nodes):
            raise BundleError(f"The predictor takes {sorted(inputs)} and gives {outputs} tensors, not tokens and states and one more.")
        if {node.name for node in joiner.get_inputs()} != {"encoded", "predicted"} or len(joiner.get_outputs()) != 1:
            raise BundleError(f"The joiner takes {sorted(node.name for node in joiner.get_inputs())}, not encoded and predicted.")
        self.start = tuple(np.full((1, *node.shape[1:]), BLANK, TYPES[node.type]) for node in nodes)

    def predict(self, tokens: Sequence[int], states: Sequence[Any]) -> tuple[npt.NDArray[np.float32], list[tuple[npt.NDArray[Any], ...]]]:
        """n tokens and the states before them, None for the start -> predicted (n, P) and the states after them."""
        rows = [self.start if state is None else state for state in states]
        stacked = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        given = {"tokens": np.array(tokens, dtype=np.int64), **dict(zip(self.states, stacked, strict=True))}
        predicted, *after = answers(self.predictor, given)
        return predicted, [tuple(part[index : index + 1] for part in after) for index in range(len(tokens))]

    def join(self, encoded: npt.NDArray[np.float32], predicted: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(D,) and (n, P) -> log_probs (n, V)."""
        log_probs: npt.NDArray[np.float32] = answers(self.joiner, {"encoded": encoded[None], "predicted": predicted})[0]
        return log_probs


def answers(session: onnxruntime.InferenceSession, given: dict[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """The outputs of a graph; BundleError if it cannot be run."""
    try:
        outputs: list[npt.NDArray[Any]] = session.run(None, given)
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise BundleError(f"the network cannot be run ({' '.join(str(error).split())[:200]}).") from None
    return outputs


def is_state(node: Any) -> bool:
    """Whether an input is an array of a known type whose sizes, but for the first, are fixed."""
    return node.type in TYPES and all(isinstance(size, int) for size in node.shape[1:])
