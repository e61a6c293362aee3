"""Neural language models at run time, without torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tympan.errors import LMError, ShapeError
from tympan.lm.case import Case
from tympan.lm.neural_file import NeuralFile
from tympan.tokens import TokenTable

if TYPE_CHECKING:
    import onnxruntime

Floats = npt.NDArray[np.float32]
BOUNDARY = 0  # stands for the beginning and the end of a sentence, where an acoustic model has its blank
NO_FOLDER = "/nonexistent"  # an ONNX graph may name files with weights; with this as their folder none can be read
WINDOW = 256  # tokens that are scored at once; longer texts are gone through in several
MAX_CELLS = 1 << 24  # log_probs held at once while texts are scored: 64 MiB


@dataclass(frozen=True)
class NeuralPerplexity:
    """How well a model predicts a text.

    Attributes:
        token: exp of the mean loss of a token, sentence ends counted.
        word: the same for a word, sentence ends counted as words: comparable to an n-gram's, and between models of other tokens.
        tokens, words, sentences: counted; no sentence ends among the first two.
    """

    token: float
    word: float
    tokens: int
    words: int
    sentences: int


class NeuralLM:
    """A model of token sequences; safe to share among threads.

    In a beam, one step for all hypotheses at once:

        states = np.stack([lm.start()]); tokens = [BOUNDARY]
        log_probs, states = lm.score(states, tokens)       # (B, V): of what may come first; log_probs[:, BOUNDARY] ends the sentence
        states, tokens = states[chosen], extended          # as the beam goes on
        ...

    Whole texts: `score_text`, `score_texts`. All log-probabilities are natural logarithms.

    Args:
        file: the model.
        threads: for the network; 0 takes all cores.

    Raises:
        LMError: its graph cannot be used.
    """

    def __init__(self, file: NeuralFile, threads: int = 1) -> None:
        self.file = file
        self.tokens: TokenTable = file.tokens
        self.state_size = file.state_size
        self.case = Case.of_table(file.tokens)
        self.session = open_session(file, threads)
        self.score([self.start()], [BOUNDARY])  # a graph of other shapes is refused here

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> NeuralLM:
        """The model in a file of `tympan lm train`; LMError if it cannot be used."""
        return cls(NeuralFile.open(path), threads)

    @property
    def name(self) -> str:
        """Of the file, for people."""
        return self.file.path.name if self.file.path else "in memory"

    def start(self) -> Floats:
        """(S,): the state before a sentence, when BOUNDARY has not been read yet."""
        return np.zeros(self.state_size, dtype=np.float32)

    def score(self, states: Sequence[Floats] | Floats, tokens: Sequence[int] | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Read one token after each state.

        Args:
            states: (B, S), from `start` or an earlier call.
            tokens: (B,), BOUNDARY first of all.

        Returns:
            log_probs (B, V), natural log, of what follows; BOUNDARY's is that of the sentence's end. And the new states (B, S).

        Raises:
            ShapeError: not one state of S numbers for each token, or a token beyond the table.
        """
        log_probs, after = self.run(np.asarray(tokens, dtype=np.int64).reshape(-1, 1), np.asarray(states, dtype=np.float32))
        return log_probs[:, 0], after

    def run(self, tokens: npt.NDArray[np.int64], states: Floats) -> tuple[Floats, Floats]:
        """(B, L), (B, S) -> log_probs (B, L, V) of what follows each token, and the states after the last."""
        if states.shape != (len(tokens), self.state_size) or not tokens.size:
            raise ShapeError(f"States must be ({len(tokens)}, {self.state_size}) for {len(tokens)} tokens; they are {states.shape}.")
        if tokens.min() < 0 or tokens.max() >= len(self.tokens):
            raise ShapeError(f"A token is beyond the table of {len(self.tokens)}.")
        try:
            log_probs, after = self.session.run(None, {"tokens": tokens, "states": states})
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise LMError(f"{self.name}: the network cannot be run ({' '.join(str(error).split())[:200]}).") from None
        if log_probs.shape != (*tokens.shape, len(self.tokens)) or after.shape != states.shape:
            raise LMError(f"{self.name}: the network gives {log_probs.shape} and {after.shape} for {tokens.shape} tokens.")
        return log_probs, after

    def spell(self, text: str) -> list[int]:
        """The tokens of a text, folded to the case of the table; TokenError if they cannot spell it."""
        return self.tokens.encode(self.case.fold(text))

    def score_text(self, text: str) -> float:
        """Natural log of the probability of a sentence, its end counted.

        Raises:
            TokenError: the tokens cannot spell it.
        """
        return self.score_texts([text])[0]

    def score_texts(self, texts: Sequence[str]) -> list[float]:
        """As `score_text`, in batches."""
        return self.score_tokens([self.spell(text) for text in texts])

    def score_tokens(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """Natural log of the probability of each sequence of tokens, the sentence's end counted."""
        scores = [0.0] * len(sequences)
        by_length = sorted(range(len(sequences)), key=lambda number: len(sequences[number]))
        rows = max(1, MAX_CELLS // (WINDOW * len(self.tokens)))
        for first in range(0, len(by_length), rows):
            chosen = by_length[first : first + rows]
            for number, score in zip(chosen, self.score_batch([sequences[number] for number in chosen]), strict=True):
                scores[number] = score
        return scores

    def score_batch(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """As `score_tokens`, side by side; shorter ones are padded, which changes nothing before their end."""
        longest = max(map(len, sequences)) + 1
        padded = np.full((len(sequences), longest + 1), BOUNDARY, dtype=np.int64)
        for row, sequence in zip(padded, sequences, strict=True):
            row[1 : len(sequence) + 1] = sequence
        ends = np.array([len(sequence) + 1 for sequence in sequences])
        states = np.zeros((len(sequences), self.state_size), dtype=np.float32)
        scores = np.zeros(len(sequences))
        for first in range(0, longest, WINDOW):
            last = min(first + WINDOW, longest)
            log_probs, states = self.run(np.ascontiguousarray(padded[:, first:last]), states)
            found = np.take_along_axis(log_probs, padded[:, first + 1 : last + 1, None], axis=2)[:, :, 0].astype(np.float64)
            scores += np.where(np.arange(first, last) < ends[:, None], found, 0.0).sum(axis=1)
        return [float(score) for score in scores]

    def perplexity(self, lines: Iterable[str]) -> NeuralPerplexity:
        """Of a text with one sentence a line; empty lines are passed over.

        Raises:
            TokenError: a line that the tokens cannot spell.
            LMError: there is no line.
        """
        texts = [line for line in lines if line.strip()]
        if not texts:
            raise LMError("The text has no sentences, so there is no perplexity.", "Give one sentence a line.")
        sequences = [self.spell(text) for text in texts]
        return perplexity_of(
            sum(self.score_tokens(sequences)), sum(map(len, sequences)), sum(len(text.split()) for text in texts), len(texts)
        )


def perplexity_of(log_prob: float, tokens: int, words: int, sentences: int) -> NeuralPerplexity:
    """From the summed natural log-probability."""

    def per(count: int) -> float:
        return math.exp(min(700.0, -log_prob / count))

    return NeuralPerplexity(per(tokens + sentences), per(words + sentences), tokens, words, sentences)


def open_session(file: NeuralFile, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session for the graph, which may touch no file and load no library."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
    name = file.path.name if file.path else "The neural language model"
    try:
        session = onnxruntime.InferenceSession(file.graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise LMError(f"{name}: the network cannot be loaded ({' '.join(str(error).split())[:200]}).") from None
    inputs = {node.name for node in session.get_inputs()}
    if inputs != {"tokens", "states"} or len(session.get_outputs()) != 2:
        raise LMError(f"{name}: the network's inputs are {sorted(inputs)}, not tokens and states.")
    return session
