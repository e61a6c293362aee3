"""Attention models at run time: the whole utterance is heard before the first token is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tympan.bundle import Bundle
from tympan.decoding import AttentionDecoder, Hypothesis, SearchOptions
from tympan.decoding.onnx_speller import OnnxSpeller
from tympan.decoding.options import FEW
from tympan.decoding.token_fusion import TokenFusion
from tympan.engines.listening import Listened, ListeningEngine
from tympan.lm import Scorer

TOKENS_PER_SECOND = 40  # the fastest speech has some 25 characters


class AttentionEngine(ListeningEngine):
    """`Engine` of attention models.

    Args:
        bundle: the model.
        threads: for the networks; 0 takes all cores.
        search: options; `recombine` and hot words have no effect.
        scorer: n-gram and words, or None.
        neural: a language model over the tokens, or None.
        greedy: no effect: attention models always search.
    """

    def __init__(
        self, bundle: Bundle, threads: int, search: SearchOptions, scorer: Scorer | None, *, greedy: bool, neural: TokenFusion | None = None
    ) -> None:
        self.decoder = AttentionDecoder(
            bundle.tokens,
            scorer,
            search.lm_weight,
            search.word_score,
            beam_size=search.beam_size or FEW,
            beam_threshold=search.beam_threshold,
            token_min_log_prob=search.token_min_log_prob,
            neural=neural,
            max_tokens_per_frame=TOKENS_PER_SECOND * bundle.frame_shift_s,
        )
        super().__init__(bundle, threads)

    def network(self, emitted: Listened) -> OnnxSpeller:
        """The speller, on one piece."""
        return OnnxSpeller(self.speller, emitted.keys, emitted.values)

    def search(self, emitted: Listened, nbest: int) -> list[Hypothesis]:
        return self.searched(lambda: self.decoder.decode(self.network(emitted), nbest, emitted.log_probs))

    def settings(self) -> Mapping[str, Any]:
        names = (
            "beam_size",
            "beam_threshold",
            "token_min_log_prob",
            "ctc_weight",
            "length_normalization",
            "edge_threshold",
            "repeat_length",
        )
        return {"decoder": "attention", **{name: getattr(self.decoder, name) for name in names}}
