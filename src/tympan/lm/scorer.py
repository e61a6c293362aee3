"""The scorer: one file with an n-gram, a lexicon and the weights of both, made for one token table.

A zip archive without compression, so that the n-gram can be mapped where it lies. Its members:

    scorer.json     format, token table, lm_weight, word_score, facts about the making, length and SHA-256 of the others
    ngram.bin       the n-gram, our own form or KenLM's
    lexicon.tsv     UTF-8 lines: word, TAB, its tokens separated by spaces (none for words spelled by their characters),
                    and for words that the n-gram lacks TAB and log10 added to what it says of <unk>; one line a spelling
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tympan.errors import LMError, TokenError
from tympan.files import atomic_path
from tympan.lexicon import Pronunciation, Pronunciations, Speller
from tympan.lm.ngram import NGram
from tympan.tokens import BLANK, TokenTable
from tympan.window import FileWindow

FORMAT = 1
HEADER, NGRAM, LEXICON = "scorer.json", "ngram.bin", "lexicon.tsv"
MAX_HEADER_BYTES = 4 << 20
MAX_LEXICON_BYTES = 256 << 20
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # equal contents give equal files
UNIX = 3
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # of a zip's member
# lm_weight and word_score of a scorer that was not tuned, by kind of tokens: the flat middle of the surface on simulated emissions
# of characters, and on a small model's of phones, whose words end by themselves (benchmarks/RESULTS.md).
UNTUNED = {"characters": (0.6, 4.0), "bytes": (0.6, 4.0), "pieces": (0.6, 4.0), "phones": (0.8, 0.0)}
MAX_WEIGHT = 1000.0
MAX_BONUS = 100.0  # log10
ADDED_LOG10 = -5.0  # a word that the n-gram lacks is taken to be as frequent as one in 100,000

Arrays = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Scorer:
    """What a search knows of a language.

    Attributes:
        ngram: over words.
        tokens: the token table that the spellings are made of.
        words: of the lexicon, no two alike.
        spellings: (word's number, token indices), at least one a word, by word.
        bonuses: log10 by word: 0, or what is added to the n-gram's <unk> for a word that it lacks.
        lm_weight: of the n-gram in the search (DeepSpeech's alpha), on natural logarithms.
        word_score: added for each word (DeepSpeech's beta), natural logarithm.
        facts: plain data about the making; for people.
        path: of the file, if it came from one.
    """

    ngram: NGram
    tokens: TokenTable
    words: tuple[str, ...]
    spellings: tuple[tuple[int, tuple[int, ...]], ...]
    bonuses: Mapping[int, float] = field(default_factory=dict)
    lm_weight: float = UNTUNED["characters"][0]
    word_score: float = UNTUNED["characters"][1]
    facts: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def from_arpa(
        cls,
        arpa: str | Path,
        tokens: TokenTable | Sequence[str],
        vocabulary: Iterable[str] | Mapping[str, Sequence[Sequence[str]]] | str | Path | None = None,
        *,
        lm_weight: float | None = None,
        word_score: float | None = None,
    ) -> Scorer:
        """A scorer in memory, with exact scores.

        Args:
            arpa: path of an ARPA file, plain or gz.
            tokens: the token table, or its symbols, the blank first.
            vocabulary: words that may be written; a file with one a line; a mapping from words to spellings in symbols
                (pronunciations, word pieces); None for all words of the n-gram.
            lm_weight, word_score: of the search; None takes what suits the kind of tokens, until `tympan lm tune` finds better ones.

        Raises:
            LMError: the file is no ARPA file, or no word can be spelled.
        """
        return cls.make(NGram.from_arpa(arpa), tokens, vocabulary, lm_weight=lm_weight, word_score=word_score)

    @classmethod
    def make(
        cls,
        ngram: NGram,
        tokens: TokenTable | Sequence[str],
        vocabulary: Iterable[str] | Mapping[str, Sequence[Sequence[str]]] | str | Path | None = None,
        *,
        lm_weight: float | None = None,
        word_score: float | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Scorer:
        """As `from_arpa`, from an n-gram. Words that the tokens cannot spell are left out and counted in `facts`."""
        table = as_table(tokens)
        if isinstance(vocabulary, (str, Path)):
            vocabulary = read_words(Path(vocabulary))
        if vocabulary is None:
            vocabulary = [word for word in ngram.words() if not (word.startswith("<") and word.endswith(">"))]
        speller = Speller(table)
        words: list[str] = []
        spellings: list[tuple[int, tuple[int, ...]]] = []
        bonuses: dict[int, float] = {}
        left_out: list[str] = []
        bonus = added_bonus(ngram)
        for word in dict.fromkeys(vocabulary):
            try:
                found = speller.spell(word, vocabulary[word] if isinstance(vocabulary, Mapping) else None)
            except TokenError:
                left_out.append(word)
                continue
            if word not in ngram:
                bonuses[len(words)] = bonus
            spellings += ((len(words), spelling) for spelling in found)
            words.append(word)
        if not words:
            raise LMError("No word of the vocabulary can be spelled with the token table.", "Compare upper and lower case in both.")
        own_weight, own_score = UNTUNED[table.kind]
        lm_weight = own_weight if lm_weight is None else lm_weight
        word_score = own_score if word_score is None else word_score
        told = {**(facts or {}), **({"left_out": len(left_out), "left_out_examples": left_out[:10]} if left_out else {})}
        return cls(ngram, table, tuple(words), tuple(spellings), bonuses, lm_weight, word_score, told)

    @classmethod
    def open(cls, path: str | Path, *, offset: int = 0, length: int | None = None) -> Scorer:
        """Read a scorer file; its n-gram is mapped, not read.

        Args:
            path: of the file.
            offset, length: bytes where the scorer lies within a larger file, a bundle; the whole file by default.

        Raises:
            LMError: no such file, no scorer, truncated, altered, or of a newer format; old DeepSpeech scorers are named as such.
        """
        path = Path(path)
        if not path.is_file():
            raise LMError(f"There is no scorer {path}.", "Make one with `tympan lm build`.")
        window = FileWindow(path, offset, path.stat().st_size - offset if length is None else length)
        try:
            with io.BufferedReader(window) as file:
                if not zipfile.is_zipfile(file):
                    hint = "Convert a scorer of DeepSpeech or Coqui, a KenLM binary or an ARPA file with `tympan lm convert`."
                    raise LMError(f"{path} is not a scorer of Tympan, or it is truncated.", hint)
                with zipfile.ZipFile(file) as archive:
                    header = read_header(archive, path)
                    text = read_member(archive, path, LEXICON, MAX_LEXICON_BYTES)
                    if hashlib.sha256(text).hexdigest() != header["members"][LEXICON]["sha256"]:
                        raise LMError(f"{path}: the lexicon was altered or damaged.", "Make or copy the scorer again.")
                    place, size = place_of(archive, path, NGRAM)
            table = TokenTable.from_dict(header["tokens"])
            words, spellings, bonuses = parse_lexicon(text.decode("utf-8"), table, path)
            ngram = NGram.open(path, offset=offset + place, length=size)
            lm_weight = checked_number(float(header["lm_weight"]), MAX_WEIGHT, "lm_weight", path)
            word_score = checked_number(float(header["word_score"]), MAX_WEIGHT, "word_score", path)
            return cls(ngram, table, words, spellings, bonuses, lm_weight, word_score, dict(header["facts"]), path)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, MemoryError, OSError, OverflowError, RuntimeError) as error:
            raise LMError(f"{path} is not a scorer, or it is truncated ({error}).", "Make or copy the scorer again.") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error, TokenError) as error:
            raise LMError(f"{path}: the scorer is damaged ({error}).", "Make or copy the scorer again.") from None

    def save(self, path: str | Path, *, bits: int = 8) -> None:
        """Write the scorer, atomically. `bits` quantises the n-gram (8, 16, or 32 for exact); no effect if it is mapped from a file."""
        path = Path(path)
        lexicon = "".join(self.lexicon_lines()).encode()
        with atomic_path(path) as temporary:
            ngram = temporary.with_name(f"{temporary.name}.ngram")
            try:
                self.ngram.save(ngram, bits=bits)
                header = {
                    "format": FORMAT,
                    "tokens": self.tokens.to_dict(),
                    "lm_weight": self.lm_weight,
                    "word_score": self.word_score,
                    "facts": dict(self.facts),
                    "members": {LEXICON: describe(lexicon), NGRAM: describe_file(ngram)},
                }
                with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
                    archive.writestr(member_info(HEADER), json.dumps(header, ensure_ascii=False, indent=1))
                    archive.writestr(member_info(LEXICON), lexicon)
                    with archive.open(member_info(NGRAM), "w", force_zip64=False) as target, open(ngram, "rb") as source:
                        while block := source.read(1 << 20):
                            target.write(block)
            finally:
                ngram.unlink(missing_ok=True)

    def with_weights(self, lm_weight: float, word_score: float) -> Scorer:
        """The same scorer with other weights."""
        return replace(self, lm_weight=lm_weight, word_score=word_score)

    def with_words(
        self, additions: Mapping[str, Sequence[Sequence[str]] | None], guess: Callable[[str], Pronunciation] | None = None
    ) -> tuple[Scorer, list[str]]:
        """The scorer with more words or spellings, and the words that were new.

        Args:
            additions: word -> spellings in symbols, or None for those that the speller finds.
            guess: how words sound that the lexicon lacks, if the tokens are phones; None for rules.

        Raises:
            TokenError: a word cannot be spelled; it is named.
        """
        numbers = {word: number for number, word in enumerate(self.words)}
        speller = Speller(self.tokens, replace(self.pronunciations, guess=guess))
        words, spellings, bonuses = list(self.words), set(self.spellings), dict(self.bonuses)
        fresh: list[str] = []
        for word, given in additions.items():
            if word in numbers and given is None:
                continue
            found = speller.spell(word, given)
            if word not in numbers:
                numbers[word] = len(words)
                words.append(word)
                fresh.append(word)
                if word not in self.ngram:
                    bonuses[numbers[word]] = added_bonus(self.ngram)
            spellings |= {(numbers[word], spelling) for spelling in found}
        return replace(self, words=tuple(words), spellings=tuple(sorted(spellings)), bonuses=bonuses), fresh

    def check_tokens(self, symbols: Sequence[str]) -> None:
        """TokenError if the scorer was made for another token table than these symbols."""
        if tuple(symbols[1:]) != self.tokens.tokens[1:]:  # the blank may have any name
            name = f"The scorer {self.path}" if self.path else "The scorer"
            own, other = self.tokens.tokens, tuple(symbols)
            pairs = enumerate(zip(own[1:], other[1:], strict=False), start=1)
            differing = next((i for i, (a, b) in pairs if a != b), min(len(own), len(other)))
            raise TokenError(
                f"{name} was made for other tokens than the model's: {len(own)} of kind {self.tokens.kind} and {len(other)}, "
                f"which differ first at index {differing}.",
                "Build it for this model: `tympan lm build TEXT -o X.scorer --model MODEL`.",
            )

    @cached_property
    def added_bonus(self) -> float:
        """log10 that a word which the n-gram lacks gets on top of <unk>."""
        return added_bonus(self.ngram)

    def arrays(self) -> Arrays:
        """The lexicon flat: tokens, offsets, owners, and bonuses by word (see `tympan.decoding.vocabulary`)."""
        tokens = np.fromiter((token for _, spelling in self.spellings for token in spelling), dtype=np.uint16)
        lengths = np.fromiter((len(spelling) for _, spelling in self.spellings), dtype=np.uint32, count=len(self.spellings))
        offsets = np.concatenate([np.zeros(1, np.uint32), np.cumsum(lengths, dtype=np.uint32)])
        owners = np.fromiter((word for word, _ in self.spellings), dtype=np.uint32, count=len(self.spellings))
        bonuses = np.zeros(len(self.words), dtype=np.float32)
        bonuses[list(self.bonuses)] = list(self.bonuses.values())
        return tokens, offsets, owners, bonuses

    @cached_property
    def pronunciations(self) -> Pronunciations:
        """The lexicon as a pronouncing dictionary, an example for words that it lacks."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for word, spelling in self.spellings:
            found.setdefault(self.words[word], []).append(tuple(self.tokens.tokens[token] for token in spelling))
        return Pronunciations({word: tuple(spellings) for word, spellings in found.items()})

    def lexicon_lines(self) -> Iterable[str]:
        """The member lexicon.tsv."""
        spells_itself = self.tokens.kind in ("characters", "bytes")
        for word, spelling in self.spellings:
            symbols = [self.tokens.tokens[token] for token in spelling]
            text = self.words[word]
            shown = "" if spells_itself and symbols == self.tokens.units(text) else " ".join(symbols)
            bonus = f"\t{self.bonuses[word]:.4f}" if word in self.bonuses else ""
            yield f"{text}\t{shown}{bonus}\n" if shown or bonus else f"{text}\n"


def as_table(tokens: TokenTable | Sequence[str]) -> TokenTable:
    """Symbols as a token table; the kind is what they look like, the blank may have any name."""
    if isinstance(tokens, TokenTable):
        return tokens
    return TokenTable.from_symbols(tokens)


def added_bonus(ngram: NGram) -> float:
    """log10 that makes a word which the n-gram lacks as frequent as ADDED_LOG10 says, and never rarer than <unk>."""
    return max(0.0, ADDED_LOG10 - ngram.score("<unk>", bos=False, eos=False))


def read_words(path: Path) -> list[str]:
    """Words, one a line; empty lines are skipped."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LMError(f"The list of words {path} cannot be read ({error}).", "It needs one word a line, in UTF-8.") from None
    words = [line.strip() for line in text.splitlines() if line.strip()]
    for number, word in enumerate(words, start=1):
        if len(word.split()) > 1:
            raise LMError(f"{path}, line {number}: {word!r} is more than one word.", "Write one word a line.")
    return words


def parse_lexicon(
    text: str, table: TokenTable, path: Path
) -> tuple[tuple[str, ...], tuple[tuple[int, tuple[int, ...]], ...], dict[int, float]]:
    """The inverse of `Scorer.lexicon_lines`."""
    index = table.index
    numbers: dict[str, int] = {}
    spellings: list[tuple[int, tuple[int, ...]]] = []
    bonuses: dict[int, float] = {}
    for line_number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        word, _, rest = line.partition("\t")
        shown, _, bonus = rest.partition("\t")
        try:
            units = table.bytes_of(word) if table.kind == "bytes" else word
            spelling = tuple(index[symbol] for symbol in (shown.split(" ") if shown else units))
        except KeyError as error:
            raise LMError(f"{path}: {LEXICON}, line {line_number}: {error.args[0]!r} is not a token.") from None
        if not word or not spelling or BLANK in spelling:
            raise LMError(f"{path}: {LEXICON}, line {line_number}: the word or its spelling is empty, or the blank is in it.")
        number = numbers.setdefault(word, len(numbers))
        spellings.append((number, spelling))
        if bonus:
            bonuses[number] = checked_number(float(bonus), MAX_BONUS, "a bonus", path)
    return tuple(numbers), tuple(spellings), bonuses


def checked_number(value: float, most: float, name: str, path: Path) -> float:
    """`value`, if it is a number within -most and most; LMError otherwise."""
    if not abs(value) <= most:  # nor is NaN
        raise LMError(f"{path}: {name} is {value}, beyond {most:g}.", "Make or copy the scorer again.")
    return value


def member_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, FIXED_DATE)
    info.create_system = UNIX
    info.external_attr = 0o644 << 16
    return info


def describe(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def describe_file(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def read_header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The checked scorer.json."""
    if sorted(archive.namelist()) != sorted((HEADER, NGRAM, LEXICON)):
        raise LMError(f"{path} is not a scorer: its members are {', '.join(archive.namelist()[:5])}.")
    header = json.loads(read_member(archive, path, HEADER, MAX_HEADER_BYTES))
    number = header.get("format") if isinstance(header, dict) else None
    if number != FORMAT:
        raise LMError(f"{path} has scorer format {number}; this version reads {FORMAT}.", "Update Tympan.")
    return header  # type: ignore[no-any-return]


def read_member(archive: zipfile.ZipFile, path: Path, name: str, most: int) -> bytes:
    """A member of at most `most` bytes."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise LMError(f"{path}: {name} is compressed, which a scorer's members never are.")
    if info.file_size > min(most, path.stat().st_size):
        raise LMError(f"{path}: {name} claims {info.file_size} bytes, which is more than allowed or than the file has.")
    return archive.read(name)


def place_of(archive: zipfile.ZipFile, path: Path, name: str) -> tuple[int, int]:
    """Offset and length of a member's bytes in the scorer."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise LMError(f"{path}: {name} is compressed, which a scorer's members never are.")
    assert archive.fp is not None
    length = archive.fp.seek(0, io.SEEK_END)
    archive.fp.seek(info.header_offset)
    fields = LOCAL_HEADER.unpack(archive.fp.read(LOCAL_HEADER.size))
    if fields[0] != b"PK\x03\x04":
        raise LMError(f"{path}: {name} does not lie where the archive says.")
    offset = info.header_offset + LOCAL_HEADER.size + fields[-2] + fields[-1]
    if offset + info.file_size > length:
        raise LMError(f"{path} is truncated: {name} reaches beyond its end.", "Make or copy the scorer again.")
    return offset, info.file_size
