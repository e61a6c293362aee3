"""Scorers from what people have: ARPA files, KenLM's binaries, the scorers of DeepSpeech and Coqui."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from tympan.errors import LMError
from tympan.lexicon import Pronunciations
from tympan.lm.arpa import open_arpa
from tympan.lm.case import Case
from tympan.lm.deepspeech import ENGLISH, DeepSpeechScorer, read_deepspeech_scorer
from tympan.lm.formats import Format, identify, kenlm_type
from tympan.lm.ngram import NGram
from tympan.lm.scorer import Scorer, as_table
from tympan.lm.vocabulary import Vocabulary, lexicon, needed, read_vocabulary, words_of
from tympan.tokens import TokenTable


def convert(
    path: str | Path,
    tokens: TokenTable | Sequence[str],
    *,
    vocabulary: Vocabulary | None = None,
    alphabet: Sequence[str] = ENGLISH,
    pronunciations: Pronunciations | None = None,
    bits: int = 8,
) -> Scorer:
    """A scorer of another toolkit's language model. KenLM's n-grams are kept as they are, byte by byte, so their scores are KenLM's.

    DeepSpeech's weights carry over: its decoder too adds alpha times the natural logarithm of the language model and beta for each
    word (native_client/ctcdecode, `get_log_cond_prob` divides by log10(e)). It does not score `</s>`, which is scored here.

    Args:
        path: an ARPA file, plain or gz; a KenLM binary; a DeepSpeech or Coqui scorer of version 6; an n-gram of our own form.
        tokens: of the model that the scorer is for.
        vocabulary: words that may be written, instead of the file's own; needed for KenLM binaries that hold no texts.
        alphabet: of a DeepSpeech scorer, in the order of its alphabet.txt.
        pronunciations: needed if the tokens are phones.
        bits: for an ARPA file: 8, 16, or 32 for exact values.

    Raises:
        LMError: not such a file, a damaged one, no texts of the words, or no word that the tokens can spell.
    """
    path, table = Path(path), as_table(tokens)
    kind = identify(path)
    needed(table, pronunciations)
    if kind is Format.SCORER:
        raise LMError(f"{path} is a scorer of Tympan already.", "For another token table, convert what it was made from.")
    if kind is Format.NEURAL:
        raise LMError(f"{path} is a neural language model, which has no n-grams.", "A search rescores with it: --rescore.")
    case = Case.of_table(table)
    lm_weight: float | None = None
    word_score: float | None = None
    notes: list[str] = []
    words: Sequence[str] | None = None
    if kind is Format.DEEPSPEECH:
        package = read_deepspeech_scorer(path, alphabet=alphabet)
        refuse_utf8(package)
        ngram, words = package.open_ngram(), package.words
        lm_weight, word_score = round(package.alpha, 6), round(package.beta, 6)  # they were 32-bit numbers
        notes.append("lm_weight and word_score are its alpha and beta; `tympan lm tune` fits them to the model.")
    else:
        ngram = read_arpa(path, bits, case, notes) if kind is Format.ARPA else NGram.open(path)
    own = ngram.native.bits is not None
    listed = read_vocabulary(vocabulary, case) if vocabulary is not None else words or known_words(ngram)
    found = lexicon(listed, table, pronunciations)
    facts = {
        "converted_from": kind.value if own else f"{kind.value} ({kenlm_type(path)})",
        "sources": [path.name],
        "order": ngram.order,
        "counts": list(ngram.counts),
        "notes": notes,
    }
    scorer = Scorer.make(ngram, table, found.words, lm_weight=lm_weight, word_score=word_score, facts={**facts, **found.facts})
    check_coverage(scorer, path)
    return scorer


def check_coverage(scorer: Scorer, path: Path) -> None:
    """LMError if the n-gram knows none of the words; a note if it lacks some."""
    lacking = len(scorer.bonuses)
    if lacking == len(scorer.words):
        raise LMError(f"{path} knows none of the words of the vocabulary.", "Compare upper and lower case in both.")
    if lacking:
        scorer.facts["notes"].append(f"{lacking} words of the vocabulary are not in the n-gram; they count as rare words.")


def refuse_utf8(package: DeepSpeechScorer) -> None:
    """LMError for packages whose "words" are single characters."""
    if package.utf8:
        raise LMError(
            f"{package.path} was made in UTF-8 mode: its language model is over single characters, and Tympan's are over words.",
            "Build a scorer from the text: `tympan lm build`.",
        )


def known_words(ngram: NGram) -> list[str]:
    """The n-gram's own words; LMError says what to do if the file does not hold them."""
    if not ngram.native.has_words:
        raise LMError(
            f"{ngram.path} does not hold the texts of its words (KenLM's `build_binary -v` leaves them out).",
            "Give them, one a line: --vocabulary WORDS.txt.",
        )
    return words_of(ngram)


def read_arpa(path: Path, bits: int, case: Case, notes: list[str]) -> NGram:
    """The model of an ARPA file; folded if all its words are in the other case than the token table."""
    ngram = NGram.from_arpa(path, bits=bits)
    if case is Case.MIXED or Case.of(words_of(ngram)) in (case, Case.MIXED):
        return ngram
    notes.append(f"The words were folded to {case.value} case, the only one that the token table has.")
    with open_arpa(path) as file:
        return NGram.from_arpa(cast("IO[bytes]", FoldedFile(file, case, str(path))), bits=bits)


class FoldedFile:
    """An ARPA file whose words change their case; special words and the names of the sections stay."""

    def __init__(self, file: IO[bytes], case: Case, name: str) -> None:
        self.file, self.case, self.name = file, case, name

    def read(self, size: int) -> bytes:
        return b"".join(map(self.folded, self.file.readlines(size)))

    def folded(self, line: bytes) -> bytes:
        """One line: log probability, TAB, words, TAB, back-off."""
        fields = line.decode("utf-8", "surrogateescape").split("\t")
        if len(fields) > 1:
            fields[1] = " ".join(word if word.startswith("<") else self.case.fold(word) for word in fields[1].split(" "))
        return "\t".join(fields).encode("utf-8", "surrogateescape")
