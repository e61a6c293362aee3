"""Texts as tokens, and their batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan.errors import LMError, TokenError
from tympan.lm.case import Case
from tympan.lm.neural import BOUNDARY
from tympan.lm.normalizing import NormalizingReader
from tympan.lm.texts import Progress, feed_texts
from tympan.tokens import TokenTable

HELD_OUT = 50  # one sentence in so many stands at the end for the validation, if no text was given for it
MOST_HELD_OUT = 5000
EXAMPLES = 3
Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sentences:
    """Sentences as tokens, flat.

    Attributes:
        tokens: of all, without boundaries.
        offsets: sentence i is tokens[offsets[i] : offsets[i + 1]].
        words: in all.
        left_out: how many the table cannot spell.
        examples: reasons for the first of them.
    """

    tokens: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    words: int
    left_out: int = 0
    examples: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each, the end counted."""
        return np.diff(self.offsets) + 1

    @property
    def sha256(self) -> str:
        """Over tokens and sentences."""
        return hashlib.sha256(self.tokens.tobytes() + self.offsets.tobytes()).hexdigest()

    def batch(self, chosen: npt.NDArray[np.int64]) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """Some sentences side by side, (B, L + 1): BOUNDARY, their tokens, BOUNDARY to the end; and how many tokens each has to predict."""
        lengths = self.lengths[chosen]
        rows = np.full((len(chosen), int(lengths.max()) + 1), BOUNDARY, dtype=np.int64)
        for row, number in zip(rows, chosen, strict=True):
            found = self.tokens[self.offsets[number] : self.offsets[number + 1]]
            row[1 : len(found) + 1] = found
        return rows, lengths


class Lines:
    """Takes the blocks of texts and keeps their lines."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.name = ""
        self.lines: list[str] = []

    def begin(self, name: str) -> None:
        self.name = name

    def feed(self, block: bytes) -> None:
        self.blocks.append(block)

    def end(self) -> None:
        whole = b"".join(self.blocks)
        self.blocks = []
        try:
            lines = whole.decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            line = whole.count(b"\n", 0, error.start) + 1
            raise LMError(f"{self.name}, line {line}: not UTF-8 ({error.reason}).", "Write the text anew in UTF-8.") from None
        self.lines += [line.strip() for line in lines if line.strip()]


def read_lines(texts: Sequence[Path], case: Case, progress: Progress | None = None) -> list[str]:
    """The sentences of texts, NFC, in one case; LMError if there is none, or a text cannot be read."""
    lines = Lines()
    feed_texts(list(texts), NormalizingReader(lines, case), progress)
    if not lines.lines:
        raise LMError(f"{', '.join(map(str, texts))}: there are no sentences.", "Give one sentence a line.")
    return lines.lines


def split(lines: list[str]) -> tuple[list[str], list[str]]:
    """Sentences to learn from, and those at the end to validate on."""
    if len(lines) < 2:
        raise LMError("One sentence is too little to learn from and to validate on.", "Give more text, or another by --dev.")
    held = min(max(1, len(lines) // HELD_OUT), MOST_HELD_OUT)
    return lines[:-held], lines[-held:]


def encode(lines: Sequence[str], table: TokenTable) -> Sentences:
    """Lines as tokens; those that the table cannot spell are left out and counted.

    Raises:
        LMError: it can spell none.
    """
    encode_word = cache(table.encode)  # word pieces are looked for once a word
    parts: list[npt.NDArray[np.int32]] = []
    offsets = [0]
    words = left_out = 0
    examples: list[str] = []
    for line in lines:
        try:
            found = [token for word in line.split() for token in encode_word(word)] if table.kind == "pieces" else table.encode(line)
        except TokenError as error:
            left_out += 1
            if len(examples) < EXAMPLES:
                examples.append(error.message)
            continue
        parts.append(np.array(found, dtype=np.int32))
        offsets.append(offsets[-1] + len(found))
        words += len(line.split())
    if not parts:
        raise LMError(f"The tokens can spell none of {len(lines)} sentences: {examples[0]}", "Take a token table of this language.")
    return Sentences(np.concatenate(parts), np.array(offsets, dtype=np.int64), words, left_out, tuple(examples))


def batches(sentences: Sentences, batch_tokens: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """The numbers of the sentences of each batch, of like length; among equal lengths they are drawn by `seed`."""
    lengths = sentences.lengths
    order = np.random.default_rng(seed).permutation(len(sentences))
    order = order[np.argsort(lengths[order], kind="stable")]
    made, first = [], 0
    while first < len(order):
        last = first + 1
        while last < len(order) and int(lengths[order[last]]) * (last + 1 - first) <= batch_tokens:
            last += 1
        made.append(order[first:last])
        first = last
    return made


def epoch_order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of the batches in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)
