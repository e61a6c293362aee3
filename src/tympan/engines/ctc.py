"""CTC at run time: one network, log_probs by frames, greedy or beam search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tympan.bundle import Bundle
from tympan.decoding import Hypothesis, SearchOptions, align, greedy
from tympan.decoding.token_fusion import TokenFusion
from tympan.engines.chunks import ChunkedNetwork, Geometry, checked
from tympan.engines.engine import Array, open_session, run
from tympan.errors import TokenError
from tympan.lm import Scorer

PRUNING = ("beam_size", "beam_threshold", "token_min_log_prob", "recombine")


class CTCEngine:
    """`Engine` of CTC models. What it emits are log_probs (T', V), natural log.

    Args:
        bundle: the model.
        threads: for the network; 0 takes all cores.
        search: options.
        scorer: n-gram and lexicon, or None.
        greedy: take each frame's best token in place of a search.
        neural: must be None.

    Attributes:
        chunks: the network, if it hears chunks too.

    Raises:
        TokenError: there is a `neural`, or the scorer was made for other tokens.
    """

    def __init__(
        self, bundle: Bundle, threads: int, search: SearchOptions, scorer: Scorer | None, *, greedy: bool, neural: TokenFusion | None = None
    ) -> None:
        if neural is not None:
            raise TokenError(
                "A CTC search cannot follow a neural language model token by token.", "Let it look at the n-best list: --rescore."
            )
        self.bundle = bundle
        self.options = search
        self.decoder = None if greedy else search.decoder(bundle.tokens, scorer)
        geometry = Geometry.of(bundle)
        self.chunks = None if geometry is None else ChunkedNetwork(bundle, geometry, threads)
        if self.chunks is None:
            self.session = open_session(bundle.graph, bundle.path, threads, {"features", "lengths"}, (2,))
        else:
            self.session = self.chunks.session

    def emit(self, features: Array) -> Array:
        if not len(features):
            return np.zeros((0, len(self.bundle.tokens)), dtype=np.float32)
        if self.chunks is not None:
            return self.chunks.whole(features)
        inputs = {"features": features[None], "lengths": np.array([len(features)], dtype=np.int64)}
        return checked(run(self.session, inputs, self.bundle.path), self.bundle)[0]

    def search(self, emitted: Array, nbest: int) -> list[Hypothesis]:
        return [greedy(emitted)] if self.decoder is None else self.decoder.decode(emitted, nbest)

    def place(self, emitted: Array, hypothesis: Hypothesis) -> Hypothesis:
        return hypothesis if self.decoder is None else align(emitted, hypothesis)

    def settings(self) -> Mapping[str, Any]:
        if self.decoder is None:
            return {"decoder": "greedy"}
        return {"decoder": "beam", **{name: getattr(self.options, name) for name in PRUNING}}
