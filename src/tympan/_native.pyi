from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

# ---- search: native/bindings/search.cc

LogProbs = npt.NDArray[np.float32]
# (word or -1, log10 of the n-gram, tokens)
ResultWord = tuple[int, float, tuple[int, ...]]
# (score, acoustic, lm, hot, posterior, finished, phrases, words, word that the unfinished one may become or -1)
Result = tuple[float, float, float, float, float, bool, list[int], list[ResultWord], int]

class Words: ...

def make_words(
    ngram: NGram | None,
    num_tokens: int,
    tokens: npt.NDArray[np.uint16],
    offsets: npt.NDArray[np.uint32],
    words: npt.NDArray[np.uint32],
    lm_words: Sequence[str],
    bonuses: npt.NDArray[np.float32],
    hot: npt.NDArray[np.float32],
    lm_weight: float,
    word_score: float,
    unknown_score: float,
) -> Words: ...

class Decoder:
    def __init__(
        self,
        words: Words,
        separator: int,
        begins_word: Sequence[bool],
        phrases: Sequence[tuple[Sequence[int], float]],
        beam_size: int,
        beam_threshold: float,
        token_min_log_prob: float,
        blank_skip: float,
        lexicon_only: bool,
        recombine: bool,
    ) -> None: ...
    def decode(self, log_probs: LogProbs, nbest: int) -> list[Result]: ...
    def decode_batch(self, batch: Sequence[LogProbs], nbest: int, threads: int) -> list[list[Result]]: ...
    def cancel(self) -> None: ...

class Stream:
    def __init__(self, decoder: Decoder) -> None: ...
    def feed(self, log_probs: LogProbs) -> None: ...
    def finish(self, nbest: int) -> list[Result]: ...
    def peek(self) -> Result: ...
    def reset(self) -> None: ...
    @property
    def search_steps(self) -> int: ...
    @property
    def num_hypotheses(self) -> int: ...

def align(log_probs: LogProbs, tokens: Sequence[int]) -> list[tuple[int, int, float]]: ...

# ---- n-grams: native/bindings/ngram.cc

class NGramState:
    @property
    def length(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class NGram:
    @staticmethod
    def open(path: str, offset: int = 0, length: int | None = None) -> NGram: ...
    @property
    def order(self) -> int: ...
    @property
    def counts(self) -> list[int]: ...
    @property
    def vocabulary_size(self) -> int: ...
    @property
    def has_words(self) -> bool: ...
    @property
    def length(self) -> int: ...
    @property
    def bits(self) -> int | None: ...
    def intact(self) -> bool: ...
    def find(self, word: bytes) -> int: ...
    def word(self, id: int) -> bytes: ...
    def score(self, sentence: bytes, bos: bool = True, eos: bool = True) -> float: ...
    def full_scores(self, sentence: bytes, bos: bool = True, eos: bool = True) -> list[tuple[float, int, bool]]: ...
    def text_score(self, lines: bytes) -> tuple[float, float, int, int]: ...
    def begin(self) -> NGramState: ...
    def empty(self) -> NGramState: ...
    def step(self, state: NGramState, word: int) -> tuple[float, int, NGramState]: ...
    def continuations(self, state: NGramState) -> tuple[dict[int, float], float, NGramState] | None: ...
    def save(self, path: str, bits: int | None = None) -> None: ...
    def to_arpa(self, sink: Callable[[bytes], object]) -> None: ...

class ArpaReader:
    def __init__(self, name: str) -> None: ...
    def feed(self, block: bytes) -> None: ...
    def finish(self, bits: int) -> NGram: ...

# ---- estimation: native/bindings/estimate.cc

class OrderFacts(TypedDict):
    all: int
    kept: int
    with_count: tuple[int, int, int, int]
    discounts: tuple[float, float, float]
    estimated: bool

class EstimateFacts(TypedDict):
    orders: list[OrderFacts]
    tokens: int
    sentences: int
    empty_sentences: int
    types: int
    oov: int

class NGramEstimator:
    def __init__(
        self,
        *,
        order: int,
        prune: list[int],
        vocabulary_size: int,
        words: list[str] | None,
        skip_symbols: bool,
        memory: int,
        folder: str,
    ) -> None: ...
    def begin(self, name: str) -> None: ...
    def feed(self, block: bytes) -> None: ...
    def end(self) -> None: ...
    def estimate(self, arpa: str, progress: Callable[[str, int, int], object] | None) -> EstimateFacts: ...

class WordCounter:
    def __init__(self, *, skip_symbols: bool) -> None: ...
    def begin(self, name: str) -> None: ...
    def feed(self, block: bytes) -> None: ...
    def end(self) -> None: ...
    def most_frequent(self, most: int) -> list[tuple[str, int]]: ...

# ---- letters to phones: native/bindings/g2p.cc

class GraphoneSearch:
    def __init__(
        self,
        ngram: NGram,
        letters: Sequence[Sequence[int]],
        phones: Sequence[Sequence[int]],
        words: Sequence[int],
        beam_size: int,
        threshold: float,
    ) -> None: ...
    # (log10 of letters and phones together, posterior, phones), best first
    def search(self, letters: Sequence[int], nbest: int) -> list[tuple[float, float, list[int]]]: ...

# ---- objectives of training: native/bindings/objective.cc

Indices = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

class Denominator:
    def __init__(
        self,
        last: Indices,
        parent: Indices,
        backoff: Floats,
        sources: Indices,
        targets: Indices,
        weights: Floats,
        unigram: Floats,
        final: Floats,
    ) -> None: ...
    def run(
        self,
        log_probs: Floats,
        lengths: npt.NDArray[np.int64],
        log_z: Floats,
        posteriors: Floats,
        threads: int = 1,
        most_history: int = ...,
    ) -> None: ...
