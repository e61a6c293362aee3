"""Neural transducers at run time: block after block is heard, and what was said in it written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tympan.bundle import Bundle
from tympan.decoding import BlockDecoder, Hypothesis, SearchOptions
from tympan.decoding.onnx_blocks import OnnxBlocks
from tympan.decoding.options import FEW
from tympan.decoding.token_fusion import TokenFusion
from tympan.engines.engine import Array
from tympan.engines.listening import Listened, ListeningEngine
from tympan.errors import BundleError
from tympan.lm import Scorer

SHAPE = {"frames": (1, 10_000), "back": (0, 10_000), "tokens": (1, 10_000)}  # what a bundle says of its blocks, and what it may say


class NeuralTransducerEngine(ListeningEngine):
    """`Engine` of neural transducers.

    Args:
        bundle: the model.
        threads: for the networks; 0 takes all cores.
        search: options; `recombine` and hot words have no effect.
        scorer: n-gram and words, or None.
        neural: a language model over the tokens, or None.
        greedy: no effect: neural transducers always search.
    """

    def __init__(
        self, bundle: Bundle, threads: int, search: SearchOptions, scorer: Scorer | None, *, greedy: bool, neural: TokenFusion | None = None
    ) -> None:
        shape = block_shape(bundle)
        self.decoder = BlockDecoder(
            bundle.tokens,
            scorer,
            search.lm_weight,
            search.word_score,
            frames=shape["frames"],
            back=shape["back"],
            most=shape["tokens"],
            beam_size=search.beam_size or FEW,
            beam_threshold=search.beam_threshold,
            token_min_log_prob=search.token_min_log_prob,
            neural=neural,
        )
        super().__init__(bundle, threads)
        self.network = OnnxBlocks(self.speller)

    def window(self, emitted: Listened, block: int) -> tuple[Array, Array]:
        """Keys and values that a block sees."""
        first = block * self.decoder.frames
        seen = slice(max(0, first - self.decoder.back), first + self.decoder.frames)
        return emitted.keys[:, :, seen], emitted.values[:, :, seen]

    def search(self, emitted: Listened, nbest: int) -> list[Hypothesis]:
        return self.searched(lambda: self.decoder.decode(self.network, emitted.keys, emitted.values, nbest))

    def settings(self) -> Mapping[str, Any]:
        names = ("beam_size", "beam_threshold", "token_min_log_prob", "frames", "back")
        return {"decoder": "neural-transducer", **{name: getattr(self.decoder, name) for name in names}}


def block_shape(bundle: Bundle) -> dict[str, int]:
    """What the bundle says of its blocks; BundleError if that cannot be."""
    shape = dict(bundle.model.get("blocks") or {})
    if set(shape) != set(SHAPE) or not all(type(shape[name]) is int and low <= shape[name] <= high for name, (low, high) in SHAPE.items()):
        raise BundleError(f"{bundle.path}: its blocks are {shape}, not {', '.join(SHAPE)} from 1 to 10,000.")
    return shape
