"""The words of a transcript, spelled as a network writes them."""

from __future__ import annotations

from dataclasses import dataclass

from tympan.errors import TokenError
from tympan.lexicon import Speller
from tympan.lm import Scorer
from tympan.lm.case import Case
from tympan.tokens import TokenTable, normalize_unicode


@dataclass(frozen=True)
class SpelledWord:
    """A word.

    Attributes:
        text: as the transcript has it, punctuation and all.
        key: its letters in lower case, for comparing with what was heard; empty for a lone dash.
        tokens: indices; empty where the table cannot spell it (digits, foreign letters).
    """

    text: str
    key: str
    tokens: tuple[int, ...]


def word_key(text: str) -> str:
    """Letters, digits and apostrophes in lower case."""
    return "".join(sign for sign in text.casefold().replace("’", "'") if sign.isalnum() or sign == "'").strip("'")


def spell_words(text: str, table: TokenTable, scorer: Scorer | None) -> list[SpelledWord]:
    """Each word of a text with its most usual spelling: of the scorer's lexicon for phones, else by rule.

    Args:
        text: any text; case and punctuation may be as they are.
        table: the model's tokens.
        scorer: with the lexicon of a model of phones; no effect on others.
    """
    fold = Case.of_table(table)
    listed: dict[str, tuple[int, ...]] = {}
    if scorer is not None and table.kind == "phones":
        for number, tokens in scorer.spellings:
            listed.setdefault(word_key(scorer.words[number]), tokens)
    speller = Speller(table, scorer.pronunciations if scorer is not None else None)
    known: dict[str, SpelledWord] = {}
    for word in normalize_unicode(text).split():
        if word not in known:
            known[word] = SpelledWord(word, word_key(word), listed.get(word_key(word)) or spelled(word, table, fold, speller))
    return [known[word] for word in normalize_unicode(text).split()]


def spelled(word: str, table: TokenTable, fold: Case, speller: Speller) -> tuple[int, ...]:
    """Token indices of a word, its punctuation left out; empty if something that is spoken cannot be spelled."""
    if table.kind == "phones":
        plain = word_key(word)
    else:
        others = "'" if table.kind == "bytes" else table.index
        plain = "".join(sign for sign in fold.fold(word.replace("’", "'")) if sign.isalnum() or sign in others)
    if not word_key(word):
        return ()
    try:
        return speller.spell(plain)[0]
    except TokenError:
        return ()
