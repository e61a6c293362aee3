"""Upper and lower case: words are written as the token table can spell them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from tympan.tokens import TokenTable


class Case(Enum):
    """The case of all letters of a token table or a list of words; MIXED if both occur, or none."""

    LOWER = "lower"
    UPPER = "upper"
    MIXED = "mixed"

    @classmethod
    def of(cls, texts: Iterable[str]) -> Case:
        """The case of these texts."""
        lower = upper = False
        for text in texts:
            lower = lower or text != text.upper()
            upper = upper or text != text.lower()
            if lower and upper:
                return cls.MIXED
        return cls.LOWER if lower else cls.UPPER if upper else cls.MIXED

    @classmethod
    def of_table(cls, table: TokenTable) -> Case:
        """The case of a table's letters; MIXED for phones and bytes, whose names are no letters of a text."""
        return cls.MIXED if table.kind in ("phones", "bytes") else cls.of(table.tokens[1:])

    def fold(self, text: str) -> str:
        """The text in this case."""
        return text.lower() if self is Case.LOWER else text.upper() if self is Case.UPPER else text

    def fold_ascii(self, text: bytes) -> bytes:
        """As `fold`, for bytes below 128."""
        return text.lower() if self is Case.LOWER else text.upper() if self is Case.UPPER else text
