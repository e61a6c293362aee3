"""The families of models at run time: one file a family, and the dictionary that names them."""

from __future__ import annotations

from collections.abc import Callable

from tympan.bundle import Bundle
from tympan.decoding import SearchOptions
from tympan.decoding.token_fusion import TokenFusion
from tympan.engines.attention import AttentionEngine
from tympan.engines.ctc import CTCEngine
from tympan.engines.engine import Decoder, Engine
from tympan.engines.neural_transducer import NeuralTransducerEngine
from tympan.engines.transducer import TransducerEngine
from tympan.errors import BundleError
from tympan.lm import Scorer

__all__ = ["AttentionEngine", "CTCEngine", "Decoder", "ENGINES", "Engine", "NeuralTransducerEngine", "TransducerEngine", "open_engine"]

ENGINES: dict[str, Callable[..., Engine]] = {
    "attention": AttentionEngine,
    "ctc": CTCEngine,
    "neural-transducer": NeuralTransducerEngine,
    "transducer": TransducerEngine,
}


def open_engine(
    bundle: Bundle, threads: int, search: SearchOptions, scorer: Scorer | None, *, greedy: bool, neural: TokenFusion | None = None
) -> Engine:
    """The engine of a bundle's family.

    Args:
        bundle: the model.
        threads: for the networks; 0 takes all cores.
        search: options.
        scorer: n-gram and lexicon, or None.
        greedy: no option of the search was given, so that a family may do without.
        neural: a language model over the tokens, or None; not for CTC.

    Raises:
        BundleError: the graphs cannot be used, or the family is not known here.
        TokenError, ShapeError, TympanError: as the family's search.
    """
    if bundle.family not in ENGINES:
        raise BundleError(f"{bundle.path}: models of family {bundle.family} cannot be run by this version.", "Update Tympan.")
    return ENGINES[bundle.family](bundle, threads, search, scorer, greedy=greedy, neural=neural)
