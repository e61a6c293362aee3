"""Transducers at run time: three networks, greedy or beam search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tympan.bundle import Bundle
from tympan.decoding import Hypothesis, SearchOptions, TransducerDecoder, transducer_greedy
from tympan.decoding.onnx_networks import OnnxNetworks
from tympan.decoding.token_fusion import TokenFusion
from tympan.engines.engine import Array, load_session, open_session, run
from tympan.errors import BundleError
from tympan.lm import Scorer


class TransducerEngine:
    """`Engine` of transducers. What it emits are encoded frames (T', D).

    Args:
        bundle: the model.
        threads: for the encoder; 0 takes all cores. Predictor and joiner are too small to share out.
        search: options; those of the CTC search alone have no effect.
        scorer: n-gram, or None.
        neural: a language model over the tokens, or None.
        greedy: take the best token in place of a search.

    Raises:
        BundleError: a graph cannot be used.
        TokenError, ShapeError: as `TransducerDecoder`.
    """

    def __init__(
        self, bundle: Bundle, threads: int, search: SearchOptions, scorer: Scorer | None, *, greedy: bool, neural: TokenFusion | None = None
    ) -> None:
        self.bundle = bundle
        self.session = open_session(bundle.graph, bundle.path, threads, {"features", "lengths"}, (2,))
        predictor, joiner = (load_session(bundle.graphs[name], bundle.path, 1) for name in ("predictor", "joiner"))
        try:
            self.networks = OnnxNetworks(predictor, joiner)
        except BundleError as error:
            raise BundleError(f"{bundle.path}: {error}") from None
        self.decoder = None if greedy else self.make_decoder(search, scorer, neural)

    def make_decoder(self, search: SearchOptions, scorer: Scorer | None, neural: TokenFusion | None) -> TransducerDecoder:
        """The search with what of the options it knows."""
        assert search.beam_size is not None  # `SearchOptions.fitted` has set it
        return TransducerDecoder(
            self.networks,
            self.bundle.tokens,
            scorer,
            search.lm_weight,
            search.word_score,
            beam_size=search.beam_size,
            beam_threshold=search.beam_threshold,
            neural=neural,
        )

    def emit(self, features: Array) -> Array:
        if not len(features):
            return np.zeros((0, 1), dtype=np.float32)
        inputs = {"features": features[None], "lengths": np.array([len(features)], dtype=np.int64)}
        encoded, lengths = run(self.session, inputs, self.bundle.path)
        frames: Array = encoded[0, : int(lengths[0])]
        return frames

    def search(self, emitted: Array, nbest: int) -> list[Hypothesis]:
        try:
            return [transducer_greedy(self.networks, emitted)] if self.decoder is None else self.decoder.decode(emitted, nbest)
        except BundleError as error:
            raise BundleError(f"{self.bundle.path}: {error}") from None

    def place(self, emitted: Array, hypothesis: Hypothesis) -> Hypothesis:
        return hypothesis  # the search knows the frame of each token

    def settings(self) -> Mapping[str, Any]:
        if self.decoder is None:
            return {"decoder": "greedy"}
        names = ("beam_size", "beam_threshold", "expansion_threshold", "max_symbols")
        return {"decoder": "transducer", **{name: getattr(self.decoder, name) for name in names}}
