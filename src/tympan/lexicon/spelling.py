"""How a word is spelled with a token table: by its characters or bytes, by word pieces, or by its sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tympan.errors import TokenError
from tympan.lexicon.dictionary import Pronunciations
from tympan.tokens import TokenTable, normalize_unicode


class Speller:
    """Finds spellings of words.

    Args:
        table: the token table.
        pronunciations: how words sound; no effect unless the tokens are phones, and then by rule alone if there are none.
    """

    def __init__(self, table: TokenTable, pronunciations: Pronunciations | None = None) -> None:
        self.table = table
        self.pronunciations = (pronunciations or Pronunciations({})) if table.kind == "phones" else None

    def spell(self, word: str, given: Sequence[Sequence[str]] | None = None) -> list[tuple[int, ...]]:
        """Token indices, one tuple a spelling.

        Args:
            word: without white space.
            given: spellings in symbols; None finds them.

        Raises:
            TokenError: a token is missing for it; word and token are named.
        """
        if not word or any(sign in word for sign in " \t\r\n"):
            raise TokenError(f"The word {word!r} is empty or holds white space.", "Give each word by itself.")
        if given is None and self.pronunciations is not None:
            given = self.pronunciations.pronounce(word)
        if given is not None:
            return [self.indices(word, symbols) for symbols in given]
        word = normalize_unicode(word)
        return [self.indices(word, self.table.units(word))]

    def indices(self, word: str, symbols: Sequence[str]) -> tuple[int, ...]:
        """Symbols as indices."""
        index: Mapping[str, int] = self.table.index
        if not symbols:
            raise TokenError(f"The spelling of {word!r} is empty.")
        for symbol in symbols:
            if index.get(symbol, 0) in (0, self.table.separator):
                raise TokenError(f"The word {word!r} cannot be spelled: the token table has no {symbol!r}.", "Is it in another case?")
        return tuple(index[symbol] for symbol in symbols)
