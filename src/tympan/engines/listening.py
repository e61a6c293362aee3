"""What models with a speller have in common at run time: a network that listens once, and one that is asked for each token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import eq

import numpy as np

from tympan.bundle import Bundle
from tympan.decoding import Hypothesis, align
from tympan.decoding.onnx_speller import INPUTS, check_speller
from tympan.engines.engine import Array, open_session, run
from tympan.errors import BundleError, ShapeError


@dataclass(frozen=True)
class Listened:
    """What an encoder made of a piece, T' valid frames.

    Attributes:
        keys, values: (1, H, T', A) and (1, H, T', E), what the speller looks at.
        log_probs: (T'', V) of the CTC head; None without one.
    """

    keys: Array
    values: Array
    log_probs: Array | None = None

    def __len__(self) -> int:
        return int(self.keys.shape[2])


class ListeningEngine:
    """Base of the engines with a speller. What they emit is `Listened`.

    Args:
        bundle: the model.
        threads: for the networks; 0 takes all cores.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self.bundle = bundle
        self.session = open_session(bundle.graph, bundle.path, threads, {"features", "lengths"}, (3, 4))
        self.speller = open_session(bundle.graphs["decoder"], bundle.path, threads, set(INPUTS), (5,))
        check_speller(self.speller)

    def emit(self, features: Array) -> Listened:
        if not len(features):
            return Listened(np.zeros((1, 1, 0, 1), np.float32), np.zeros((1, 1, 0, 1), np.float32))
        inputs = {"features": features[None], "lengths": np.array([len(features)], dtype=np.int64)}
        keys, lengths, values, *framewise = run(self.session, inputs, self.bundle.path)
        if keys.ndim != 4 or values.ndim != 4 or keys.shape[:3] != values.shape[:3]:
            raise ShapeError(f"The network gives keys {keys.shape} and values {values.shape}, not (1, H, T, A) and (1, H, T, E).")
        count = int(lengths[0])
        log_probs = framewise[0][0, : framewise[0].shape[1] // keys.shape[2] * count] if framewise else None
        return Listened(keys[:, :, :count], values[:, :, :count], log_probs)

    def searched(self, search: Callable[[], list[Hypothesis]]) -> list[Hypothesis]:
        """What a search finds; BundleError if its network cannot be run."""
        try:
            return search()
        except (ShapeError, BundleError):
            raise
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise BundleError(f"{self.bundle.path}: the decoder cannot be run ({' '.join(str(error).split())[:200]}).") from None

    def place(self, emitted: Listened, hypothesis: Hypothesis) -> Hypothesis:
        """By the CTC head where there is one and the tokens fit into its frames, else by where the speller looked."""
        tokens, log_probs = hypothesis.tokens, emitted.log_probs
        if log_probs is None or len(tokens) + sum(map(eq, tokens, tokens[1:])) > len(log_probs):
            return hypothesis
        found, unfold = align(log_probs, hypothesis), len(log_probs) // len(emitted)
        ends = tuple(-(-end // unfold) for end in found.ends)
        return replace(hypothesis, timesteps=tuple(start // unfold for start in found.timesteps), ends=ends)
