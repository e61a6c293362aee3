"""The token table: what a network's outputs mean."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tympan import word_pieces
from tympan.errors import TokenError
from tympan.files import write_atomically

BLANK = 0
BLANK_TOKEN = "<blank>"
EDGE = "▁"  # begins a word piece that begins a word, as in sentencepiece
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))  # as sentencepiece names them
KINDS = ("characters", "bytes", "phones", "pieces")
MAX_TOKENS = 100_000


@dataclass(frozen=True)
class TokenTable:
    """Tokens by index; index 0 is the CTC blank.

    Characters spell words, " " is their edge. Bytes spell any text in UTF-8, byte b is token b + 1, and the byte of " " is the
    edge; what is no UTF-8 is read with U+FFFD in its place. Phones are named by symbols without white space and know no word edge:
    a lexicon finds the words. As text, phones stand separated by single spaces. Word pieces that begin a word begin with "▁".

    Args:
        tokens: all of them, `<blank>` first, no two alike; characters are one code point each.
        kind: "characters", "bytes", "phones" or "pieces".
        method: how pieces spell a word: "longest" piece first, "unigram" (highest sum of scores), "bpe" (merges, lowest index first).
        scores: of pieces, natural logarithm, by index; for "unigram" only. Neither method nor scores change what an index means.

    Raises:
        TokenError: the table breaks one of these rules.
    """

    tokens: tuple[str, ...]
    kind: str = "characters"
    method: str = "longest"
    scores: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise TokenError(f"Token kind {self.kind!r} is not known.", f"Known are: {', '.join(KINDS)}.")
        if not 2 <= len(self.tokens) <= MAX_TOKENS or self.tokens[BLANK] != BLANK_TOKEN:
            raise TokenError(f"A token table needs 2 to {MAX_TOKENS} tokens and {BLANK_TOKEN!r} at index 0.")
        # Half a surrogate pair, which JSON can spell, cannot be written to any file.
        if wrong := [token for token in self.tokens[1:] if any("\ud800" <= character <= "\udfff" for character in token)]:
            raise TokenError(f"The token {wrong[0]!r} is not valid Unicode.")
        if self.kind == "characters" and (wrong := [token for token in self.tokens[1:] if len(token) != 1]):
            raise TokenError(f"The token {wrong[0]!r} is not a single character.")
        if self.kind == "bytes" and self.tokens[1:] != BYTES:
            raise TokenError(f"A table of bytes has the tokens {BYTES[0]} to {BYTES[-1]}, in their order.")
        if self.kind != "characters" and (wrong := [token for token in self.tokens[1:] if token.split() != [token]]):
            raise TokenError(f"The token {wrong[0]!r} of kind {self.kind} is empty or holds white space.")
        if len(self.index) != len(self.tokens):
            raise TokenError("The token table holds a token twice.")
        if self.method not in word_pieces.METHODS or (self.method != "longest" and self.kind != "pieces"):
            raise TokenError(f"Tokens of kind {self.kind} cannot spell by the method {self.method!r}.")
        if len(self.scores) != (len(self.tokens) if self.method == "unigram" else 0) or not all(map(math.isfinite, self.scores)):
            raise TokenError("A table of unigram pieces needs one finite score for each token, and any other none.")

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> TokenTable:
        """The characters that occur in `texts` (NFC), in the order of their code points, so space comes first."""
        seen = {character for text in texts for character in normalize_unicode(text)}
        if not seen:
            raise TokenError("The transcripts are empty, so no token table can be made.", "Check the field 'text' of the manifest.")
        return cls((BLANK_TOKEN, *sorted(seen)))

    @classmethod
    def of_bytes(cls) -> TokenTable:
        """The one table of bytes."""
        return cls((BLANK_TOKEN, *BYTES), "bytes")

    @classmethod
    def from_symbols(cls, symbols: Sequence[str]) -> TokenTable:
        """A table of symbols whose first is the blank, by whatever name; the others show the kind.

        Pieces if one begins with "▁", characters if one is the space, bytes if they are all of these, else phones.
        """
        if tuple(symbols[1:]) == BYTES:
            return cls.of_bytes()
        kind = "pieces" if any(symbol.startswith(EDGE) for symbol in symbols[1:]) else "characters" if " " in symbols[1:] else "phones"
        return cls((BLANK_TOKEN, *symbols[1:]), kind)

    @classmethod
    def read(cls, path: str | Path) -> TokenTable:
        """The table of a text file: one symbol a line, UTF-8, the blank first; or of a JSON file with what `to_dict` gives.

        Raises:
            TokenError: no such file, no UTF-8, a first line that names no blank, or a malformed table; the file is named.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"The token table {path} cannot be read ({error}).", "It needs one symbol a line, in UTF-8.") from None
        try:
            if text.lstrip().startswith("{"):
                return cls.from_dict(json.loads(text))
            symbols = text.removesuffix("\n").split("\n")
            if not (len(symbols[0]) > 2 and symbols[0][0] + symbols[0][-1] in ("<>", "[]")) and symbols[0] not in ("_", "blank", "ε"):
                raise TokenError(f"its first line is {symbols[0]!r}, not the CTC blank.", f"Write {BLANK_TOKEN} there.")
            return cls.from_symbols(symbols)
        except (ValueError, RecursionError) as error:
            raise TokenError(f"The token table {path} is not JSON ({error}).") from None
        except TokenError as error:
            raise TokenError(f"The token table {path}: {error.message}", error.hint) from None

    @cached_property
    def index(self) -> dict[str, int]:
        """Token -> index."""
        return {token: index for index, token in enumerate(self.tokens)}

    @cached_property
    def separator(self) -> int | None:
        """The token that stands between words; None where none does."""
        return self.index.get(BYTES[ord(" ")] if self.kind == "bytes" else " ")

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """Token indices of `text`, blank-free; of phones separated by white space; of pieces by the table's method.

        Raises:
            TokenError: a character or phone is not in the table; the character is named with its code point.
        """
        text = normalize_unicode(text)
        try:
            return [self.index[token] for token in self.units(text)]
        except KeyError as error:
            character = error.args[0]
            if self.kind == "phones":
                raise TokenError(f"The token table has no phone {character!r}.", f"It has {' '.join(self.tokens[1:])}.") from None
            raise TokenError(
                f"The token table has no {character!r} (U+{ord(character):04X} {unicodedata.name(character, 'unnamed')}).",
                "Normalise the transcripts, or make the table from them.",
            ) from None

    def units(self, text: str) -> list[str]:
        """`text`, normalised, cut into what should be tokens."""
        if self.kind == "pieces":
            return self.pieces(text)
        if self.kind == "bytes":
            return self.bytes_of(text)
        return list(text) if self.kind == "characters" else text.split()

    def decode(self, indices: Sequence[int]) -> str:
        """The text of blank-free token indices; the inverse of `encode` for normalised text."""
        tokens = [self.tokens[index] for index in indices if index != BLANK]
        if self.kind == "pieces":
            return "".join(tokens).replace(EDGE, " ").strip()
        if self.kind == "bytes":
            return bytes(index - 1 for index in indices if index != BLANK).decode("utf-8", "replace")
        return ("" if self.kind == "characters" else " ").join(tokens)

    def bytes_of(self, text: str) -> list[str]:
        """The bytes of `text` in UTF-8, by name; TokenError for half of a surrogate pair, which has none."""
        try:
            return [BYTES[byte] for byte in text.encode()]
        except UnicodeEncodeError:
            raise TokenError(f"The text {text!r} holds half of a surrogate pair, which is no character.", "Mend it.") from None

    def pieces(self, text: str) -> list[str]:
        """Each word of `text` as word pieces, by the table's method.

        Raises:
            TokenError: a word that no pieces spell; its first wrong place is named.
        """
        return [piece for word in text.split() for piece in self.pieces_of(word)]

    def pieces_of(self, word: str) -> list[str]:
        """One word; see `pieces`."""
        spelled = EDGE + word
        if self.method == "unigram":
            found = word_pieces.unigram(spelled, self.index, self.scores, self.widest)
        else:
            found = word_pieces.bpe(spelled, self.index) if self.method == "bpe" else word_pieces.longest(spelled, self.index)
        if "".join(found) != spelled:
            rest = spelled[len("".join(word_pieces.longest(spelled, self.index))) :]
            raise TokenError(f"The word {word!r} cannot be spelled: no word piece begins {rest!r}.")
        return found

    @cached_property
    def widest(self) -> int:
        """Signs of the longest token."""
        return max(map(len, self.tokens))

    @property
    def hash(self) -> str:
        """SHA-256 over kind and tokens: two tables with one hash mean the same by every index."""
        return hashlib.sha256(json.dumps([self.kind, list(self.tokens)], ensure_ascii=True).encode()).hexdigest()

    def write(self, path: str | Path) -> None:
        """Write the table as JSON for `read`, atomically."""
        write_atomically(Path(path), json.dumps(self.to_dict(), ensure_ascii=False, indent=1).encode())

    def to_dict(self) -> dict[str, object]:
        extra: dict[str, object] = {} if self.method == "longest" else {"method": self.method}
        if self.scores:
            extra["scores"] = list(self.scores)
        return {"kind": self.kind, "tokens": list(self.tokens), "hash": self.hash, **extra}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> TokenTable:
        """The inverse of `to_dict`.

        Raises:
            TokenError: a field is missing or of the wrong type, or the hash is not that of the tokens.
        """
        tokens, kind = data.get("tokens"), data.get("kind")
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens) or not isinstance(kind, str):
            raise TokenError("A token table needs 'kind' (text) and 'tokens' (a list of texts).")
        method, scores = data.get("method", "longest"), data.get("scores", [])
        if not isinstance(method, str) or not isinstance(scores, list) or not all(type(score) in (int, float) for score in scores):
            raise TokenError("The method of a token table is a text, its scores are a list of numbers.")
        try:
            table = cls(tuple(tokens), kind, method, tuple(map(float, scores)))
        except OverflowError:
            raise TokenError("A score of the token table is too large.") from None
        if data.get("hash", table.hash) != table.hash:
            raise TokenError("The token table's hash is not that of its tokens, so one of them was changed.")
        return table


def normalize_unicode(text: str) -> str:
    """NFC, without byte-order mark, every white space run one space, no space at the ends."""
    return " ".join(unicodedata.normalize("NFC", text.replace("\ufeff", "")).split())
