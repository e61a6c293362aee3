"""From log-probabilities to hypotheses."""

from tympan.decoding.alignment import align
from tympan.decoding.attention import SpellerNetwork
from tympan.decoding.attention_beam import AttentionDecoder
from tympan.decoding.beam import BeamDecoder, BeamStream
from tympan.decoding.block_beam import BlockDecoder, BlockNetwork, BlockSearch
from tympan.decoding.greedy import greedy
from tympan.decoding.hypothesis import Hypothesis
from tympan.decoding.options import SearchOptions
from tympan.decoding.rescoring import Rescorer, TokenLM
from tympan.decoding.spans import Span, word_spans
from tympan.decoding.token_fusion import TokenFusion
from tympan.decoding.transducer import TransducerNetworks, transducer_greedy
from tympan.decoding.transducer_beam import TransducerDecoder, TransducerStream
from tympan.decoding.word_fusion import WordFusion

__all__ = [
    "AttentionDecoder",
    "BeamDecoder",
    "BeamStream",
    "BlockDecoder",
    "BlockNetwork",
    "BlockSearch",
    "Hypothesis",
    "Rescorer",
    "SearchOptions",
    "Span",
    "SpellerNetwork",
    "TokenFusion",
    "TokenLM",
    "TransducerDecoder",
    "TransducerNetworks",
    "TransducerStream",
    "WordFusion",
    "align",
    "greedy",
    "transducer_greedy",
    "word_spans",
]
