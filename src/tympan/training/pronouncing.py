"""A dictionary of the words of somebody's transcripts, for models of phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tympan.data.manifest import Utterance
from tympan.errors import TokenError
from tympan.files import write_atomically
from tympan.g2p import G2P
from tympan.lexicon import Pronunciations

DICTIONARY = "lexicon.dict"


def write_dictionary(known: Pronunciations, utterances: Sequence[Utterance], folder: Path, g2p: Path | None, reasons: list[str]) -> Path:
    """The transcripts' words as `known` pronounces them, written into `folder`; what it lacks is guessed.

    Raises:
        TokenError: a word that nobody can say.
    """
    known = replace(known, guess=G2P.open(g2p).guess if g2p is not None else None)
    lines, guessed = [], []
    for word in sorted({word for utterance in utterances for word in utterance.text.lower().split()}):
        if word not in known.entries:
            guessed.append(word)
        try:
            sounds = known.pronounce(word)
        except TokenError as error:
            raise TokenError(error.message, "Give --dictionary with a line for it.") from None
        lines += [f"{word} {' '.join(phones)}\n" for phones in sounds]
    if guessed:
        by = "the model" if g2p is not None else "rules of English"
        reasons.append(f"{len(guessed):,} words are pronounced by {by}: {', '.join(guessed[:5])}")
    path = folder / DICTIONARY
    write_atomically(path, "".join(lines).encode())
    return path
