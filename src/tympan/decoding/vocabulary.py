"""What the search may write: the scorer's lexicon and the hot words, as the flat arrays that the native search takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tympan.errors import TokenError
from tympan.lexicon import Speller
from tympan.tokens import EDGE, TokenTable, normalize_unicode

if TYPE_CHECKING:
    from tympan.lm import Scorer

MAX_WEIGHT = 100.0


@dataclass(frozen=True)
class SearchVocabulary:
    """Words and spellings.

    Attributes:
        words: texts of the words.
        tokens, offsets, owners: spelling i is tokens[offsets[i] : offsets[i + 1]] and belongs to words[owners[i]].
        bonuses: log10, by word, added to what the n-gram says.
        hot: natural log, by word.
        phrases: hot phrases of several words: word numbers and weight.
        phrase_texts: their texts, as they were given.
        hot_words: word -> the single hot words, as they were given, that mean it.
        separator: token between words, or -1.
        begins_word: by token; empty if no token does.
        table: of the tokens.
    """

    words: list[str]
    tokens: npt.NDArray[np.uint16]
    offsets: npt.NDArray[np.uint32]
    owners: npt.NDArray[np.uint32]
    bonuses: npt.NDArray[np.float32]
    hot: npt.NDArray[np.float32]
    phrases: list[tuple[list[int], float]]
    phrase_texts: list[str]
    hot_words: Mapping[str, Sequence[str]]
    separator: int
    begins_word: list[bool]
    table: TokenTable

    def spell_out(self, tokens: Sequence[int]) -> str:
        """The text of a word outside the lexicon; phones stand apart."""
        if self.table.kind == "bytes":
            return self.table.decode(tokens)
        between = "" if self.separator >= 0 or self.begins_word else " "
        return between.join(self.table.tokens[token] for token in tokens).replace(EDGE, "")


def make_vocabulary(tokens: TokenTable | Sequence[str], scorer: Scorer | None, hot_words: Mapping[str, float]) -> SearchVocabulary:
    """Join the scorer's lexicon and the hot words.

    Raises:
        TokenError: fewer than two tokens, the scorer was made for other ones, or a hot word cannot be spelled.
    """
    symbols = tuple(tokens.tokens if isinstance(tokens, TokenTable) else tokens)
    if scorer is not None:
        scorer.check_tokens(symbols)
    table = tokens if isinstance(tokens, TokenTable) else TokenTable.from_symbols(symbols)
    words = list(scorer.words) if scorer else []
    numbers = {word: number for number, word in enumerate(words)} if hot_words else {}
    spellings: list[Sequence[int]] = []
    owners: list[int] = []
    phrases: list[tuple[list[int], float]] = []
    phrase_texts: list[str] = []
    weights: dict[int, float] = {}
    given: dict[str, list[str]] = {}
    speller = Speller(table, scorer.pronunciations if scorer and table.kind == "phones" else None) if hot_words else None
    for text, weight in hot_words.items():
        parts = normalize_unicode(text).split()
        if not parts or not abs(weight) <= MAX_WEIGHT:
            raise TokenError(f"The hot word {text!r} with weight {weight} is empty, or its weight is not within -100 and 100.")
        for part in parts:
            if part not in numbers:
                assert speller is not None
                numbers[part] = len(words)
                words.append(part)
                for spelling in speller.spell(part):
                    spellings.append(spelling)
                    owners.append(numbers[part])
        if len(parts) == 1:
            number = numbers[parts[0]]
            weights[number] = weights.get(number, 0.0) + float(weight)
            given.setdefault(parts[0], []).append(text)
        else:
            phrases.append(([numbers[part] for part in parts], float(weight)))
            phrase_texts.append(text)
    hot = np.zeros(len(words), dtype=np.float32)
    hot[list(weights)] = list(weights.values())
    known_tokens, known_offsets, known_owners, bonuses = scorer.arrays() if scorer else EMPTY
    added = np.array([token for spelling in spellings for token in spelling], dtype=np.uint16)
    ends = np.cumsum([len(spelling) for spelling in spellings], dtype=np.uint32) + known_offsets[-1]
    lacking = [scorer.added_bonus if scorer and word not in scorer.ngram else 0.0 for word in words[len(bonuses) :]]
    fresh = np.array(lacking, dtype=np.float32)
    return SearchVocabulary(
        words,
        np.concatenate([known_tokens, added]).astype(np.uint16),
        np.concatenate([known_offsets, ends]).astype(np.uint32),
        np.concatenate([known_owners, np.array(owners, dtype=np.uint32)]).astype(np.uint32),
        np.concatenate([bonuses, fresh]).astype(np.float32),
        hot,
        phrases,
        phrase_texts,
        given,
        -1 if table.separator is None else table.separator,
        [symbol.startswith(EDGE) for symbol in symbols] if table.kind == "pieces" else [],
        table,
    )


EMPTY = (np.zeros(0, np.uint16), np.zeros(1, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.float32))
