"""The token table and the one form of text."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import texts
from tympan.errors import TokenError
from tympan.tokens import BLANK, BLANK_TOKEN, MAX_TOKENS, TokenTable, normalize_unicode

ABC = TokenTable.from_texts(["a cab"])


@given(st.lists(texts(), min_size=1).filter(lambda drawn: any(map(normalize_unicode, drawn))))
def test_decode_gives_back_the_normalized_text(drawn: list[str]) -> None:
    table = TokenTable.from_texts(drawn)
    for text in drawn:
        indices = table.encode(text)
        assert BLANK not in indices
        assert table.decode(indices) == normalize_unicode(text)


@given(texts() | st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize_unicode(text)
    assert normalize_unicode(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert "\ufeff" not in once
    assert once == once.strip() and "  " not in once


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("\ufeffhello", "hello"),  # a byte-order mark in front, and of a file appended to another
        ("one\ufefftwo", "onetwo"),
        ("one\r\ntwo\r\n", "one two"),
        ("one\n", "one"),
        (" one \t\u00a0 two ", "one two"),
        ("u\u0308ber", "\u00fcber"),
        ("\u212b", "\u00c5"),  # the Ångström sign is the letter
        ("a\ufeff\u0301", "\u00e1"),
        ("", ""),
        ("\ufeff \n", ""),
    ],
)
def test_text_has_one_form(text: str, normalized: str) -> None:
    assert normalize_unicode(text) == normalized


def test_two_forms_of_one_letter_are_one_token() -> None:
    table = TokenTable.from_texts(["\u00fc", "u\u0308"])
    assert table.tokens == (BLANK_TOKEN, "\u00fc")
    assert table.encode("u\u0308") == table.encode("\u00fc") == [1]


def test_tokens_are_sorted_by_code_point_behind_the_blank() -> None:
    assert ABC.tokens == (BLANK_TOKEN, " ", "a", "b", "c")
    assert ABC.encode("cab a") == [4, 2, 3, 1, 2]
    assert TokenTable.from_texts(["cb", "a b"]) == ABC


def test_blanks_are_left_out_of_decoded_text() -> None:
    assert ABC.decode([0, 4, 0, 0, 2, 3, 0]) == "cab"


@pytest.mark.parametrize(
    ("character", "named"),
    [
        ("d", "'d' (U+0064 LATIN SMALL LETTER D)"),
        ("\u0430", "(U+0430 CYRILLIC SMALL LETTER A)"),
        ("\x07", "(U+0007 unnamed)"),
        ("\U0001f600", "(U+1F600 GRINNING FACE)"),
    ],
)
def test_unknown_character_is_named_with_its_code_point(character: str, named: str) -> None:
    with pytest.raises(TokenError) as error:
        ABC.encode(f"ab{character}c")
    assert named in str(error.value)


def test_texts_without_a_character_make_no_table() -> None:
    with pytest.raises(TokenError, match="empty"):
        TokenTable.from_texts(["", "\ufeff", " \n"])


@pytest.mark.parametrize(
    ("tokens", "part"),
    [
        ((), "at index 0"),
        ((BLANK_TOKEN,), "2 to"),
        (("a", "b"), "'<blank>' at index 0"),
        (("a", BLANK_TOKEN), "at index 0"),
        ((BLANK_TOKEN, "a", "a"), "twice"),
        ((BLANK_TOKEN, "a", BLANK_TOKEN), "single character"),
        ((BLANK_TOKEN, "ab"), "'ab' is not a single character"),
        ((BLANK_TOKEN, ""), "'' is not a single character"),
        ((BLANK_TOKEN, "\ud800"), r"'\ud800' is not valid Unicode"),
        ((BLANK_TOKEN, *map(chr, range(0x10000, 0x10000 + MAX_TOKENS))), "2 to 100000"),
    ],
)
def test_malformed_table_is_refused(tokens: tuple[str, ...], part: str) -> None:
    with pytest.raises(TokenError) as error:
        TokenTable(tokens)
    assert part in str(error.value)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(TokenError, match=r"'words'.*characters"):
        TokenTable((BLANK_TOKEN, "a"), "words")


def test_hash_tells_order_and_tokens_apart() -> None:
    tables = [TokenTable((BLANK_TOKEN, *tokens)) for tokens in ("ab", "ba", "abc", "a", "Ab", "\u00fc", '"', "\\")]
    assert len({table.hash for table in tables}) == len(tables)
    assert tables[0].hash == TokenTable((BLANK_TOKEN, "a", "b")).hash


def test_hash_is_the_same_for_ever() -> None:
    """Scorers and bundles of different versions find each other by it."""
    assert TokenTable((BLANK_TOKEN, " ", "a", "\u00fc")).hash == "3a22518995db28d7570511caff653c2a8122b8765a9d9fd763dbb4eabd9b2967"


def test_dictionary_gives_back_the_table() -> None:
    assert TokenTable.from_dict(ABC.to_dict()) == ABC


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": [BLANK_TOKEN, " ", "b", "a", "c"]},
        {"tokens": [BLANK_TOKEN, " ", "a", "b"]},
        {"hash": "0" * 64},
        {"hash": 5},
        {"hash": None},
        {"tokens": [BLANK_TOKEN, 1]},
        {"tokens": "abc"},
        {"tokens": None},
        {"kind": None},
        {"kind": "words"},
    ],
)
def test_tampered_dictionary_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TokenError):
        TokenTable.from_dict({**ABC.to_dict(), **change})


@pytest.mark.parametrize("field", ["kind", "tokens"])
def test_dictionary_without_a_field_is_refused(field: str) -> None:
    with pytest.raises(TokenError, match=field):
        TokenTable.from_dict({key: value for key, value in ABC.to_dict().items() if key != field})


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_is_read_from_lines(tmp_path: Path, ending: str) -> None:
    (tmp_path / "tokens.txt").write_bytes(("\ufeff" + ending.join(["<pad>", " ", "é", "b", ""])).encode())
    table = TokenTable.read(tmp_path / "tokens.txt")
    assert table.tokens == ("<blank>", " ", "é", "b") and table.kind == "characters"


def test_a_table_is_read_from_what_to_dict_gives(tmp_path: Path) -> None:
    table = TokenTable(("<blank>", "AA", "B"), "phones")
    (tmp_path / "tokens.json").write_text(json.dumps(table.to_dict()), encoding="utf-8")
    assert TokenTable.read(tmp_path / "tokens.json") == table


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a\nb\n", "not the CTC blank"),
        (b"", "not the CTC blank"),
        (b"<blank>\na\na\n", "twice"),
        (b"<blank>\n\xe9\n", "cannot be read"),
        (b"{", "not JSON"),
        (b'{"kind": "characters"}', "tokens"),
    ],
)
def test_a_wrong_table_s_file_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "tokens.txt").write_bytes(content)
    with pytest.raises(TokenError, match=rf"tokens\.txt.*{told}"):
        TokenTable.read(tmp_path / "tokens.txt")


PHONE_TABLE = TokenTable((BLANK_TOKEN, "AA", "B", "K"), "phones")
PIECE_TABLE = TokenTable((BLANK_TOKEN, "▁a", "▁ab", "▁", "b", "ba", "a", "\u00fc"), "pieces")


def test_phones_are_parted_by_white_space_both_ways() -> None:
    assert PHONE_TABLE.encode("  B\tAA \n K") == [2, 1, 3]
    assert PHONE_TABLE.decode([2, 0, 1, 3]) == "B AA K"
    with pytest.raises(TokenError, match=r"no phone 'AAB'.*AA B K"):
        PHONE_TABLE.encode("AAB")


@given(st.lists(st.integers(1, 3)))
def test_phones_come_back(indices: list[int]) -> None:
    assert PHONE_TABLE.encode(PHONE_TABLE.decode(indices)) == indices


@pytest.mark.parametrize(
    ("text", "indices"), [("ab", [2]), ("aba", [2, 6]), ("abba", [2, 5]), ("bab  a", [3, 5, 4, 1]), ("u\u0308", [3, 7]), ("", [])]
)
def test_words_become_pieces_the_longest_first(text: str, indices: list[int]) -> None:
    assert PIECE_TABLE.encode(text) == indices
    assert PIECE_TABLE.decode(indices) == normalize_unicode(text)


@given(st.text("ab ", max_size=12))
def test_pieces_come_back_as_text(text: str) -> None:
    assert PIECE_TABLE.decode(PIECE_TABLE.encode(text)) == normalize_unicode(text)


def test_word_without_pieces_is_named() -> None:
    with pytest.raises(TokenError, match=r"'abc' cannot be spelled.*begins 'c'"):
        PIECE_TABLE.encode("ab abc")


@pytest.mark.parametrize("kind", ["phones", "pieces"])
@pytest.mark.parametrize("token", ["", " ", "a b", " a", "a\n"])
def test_phones_and_pieces_hold_no_white_space(kind: str, token: str) -> None:
    with pytest.raises(TokenError, match="empty or holds white space"):
        TokenTable((BLANK_TOKEN, "b", token), kind)


@pytest.mark.parametrize(
    ("symbols", "kind"),
    [(["_", " ", "a"], "characters"), (["[PAD]", "▁a", "b"], "pieces"), (["<b>", "AA", "B"], "phones"), (["<b>", "▁", " x"[1:]], "pieces")],
)
def test_kind_of_symbols_is_what_they_look_like(symbols: list[str], kind: str) -> None:
    table = TokenTable.from_symbols(symbols)
    assert (table.kind, table.tokens) == (kind, (BLANK_TOKEN, *symbols[1:]))


def test_kinds_with_the_same_tokens_have_different_hashes() -> None:
    assert len({TokenTable((BLANK_TOKEN, "a", "b"), kind).hash for kind in ("characters", "phones", "pieces")}) == 3


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<blank>\n \na\nb\n", "characters"),
        (b"\xef\xbb\xbf_\nAA\nB\n", "phones"),
        (b"[PAD]\n\xe2\x96\x81a\nb", "pieces"),
        (json.dumps(ABC.to_dict()).encode(), "characters"),
    ],
)
def test_table_is_read_from_a_file(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "tokens.txt").write_bytes(content)
    assert TokenTable.read(tmp_path / "tokens.txt").kind == kind


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"a\nb\n", "first line is 'a'"),
        (b"", "first line is ''"),
        (b"\xff\n", "cannot be read"),
        (b"{", "not JSON"),
        (b"_\na\na\n", "twice"),
    ],
)
def test_file_that_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "tokens.txt").write_bytes(content)
    with pytest.raises(TokenError, match=part) as error:
        TokenTable.read(tmp_path / "tokens.txt")
    assert "tokens.txt" in str(error.value)


BYTE_TABLE = TokenTable.of_bytes()


@given(texts() | st.text())
def test_bytes_spell_every_text_and_give_it_back(text: str) -> None:
    indices = BYTE_TABLE.encode(text)
    assert bytes(index - 1 for index in indices) == normalize_unicode(text).encode()
    assert BYTE_TABLE.decode(indices) == normalize_unicode(text)


@given(st.binary())
def test_bytes_that_are_no_utf8_are_read_as_python_reads_them(content: bytes) -> None:
    indices = [byte + 1 for byte in content]
    assert BYTE_TABLE.decode(indices) == BYTE_TABLE.decode([0, *indices, 0]) == content.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("content", "text"), [(b"a\xc3", "a\ufffd"), (b"\xff b", "\ufffd b"), (b"\xc3\xbc", "ü"), (b"\xe2\x82a", "\ufffda")]
)
def test_what_is_no_utf8_stands_as_one_sign(content: bytes, text: str) -> None:
    assert BYTE_TABLE.decode([byte + 1 for byte in content]) == text


def test_there_is_one_table_of_bytes() -> None:
    assert len(BYTE_TABLE) == 257 and BYTE_TABLE.tokens[:2] == (BLANK_TOKEN, "<0x00>") and BYTE_TABLE.tokens[-1] == "<0xFF>"
    assert TokenTable.from_symbols(["[PAD]", *BYTE_TABLE.tokens[1:]]) == BYTE_TABLE == TokenTable.from_dict(BYTE_TABLE.to_dict())
    for tokens in (BYTE_TABLE.tokens[:-1], (*BYTE_TABLE.tokens, "x"), (BLANK_TOKEN, *BYTE_TABLE.tokens[:0:-1])):
        with pytest.raises(TokenError, match=r"A table of bytes has the tokens <0x00> to <0xFF>"):
            TokenTable(tokens, "bytes")


def test_the_table_of_bytes_is_written_and_read(tmp_path: Path) -> None:
    BYTE_TABLE.write(tmp_path / "tokens.json")
    assert TokenTable.read(tmp_path / "tokens.json") == BYTE_TABLE
    (tmp_path / "tokens.txt").write_text("\n".join(BYTE_TABLE.tokens))
    assert TokenTable.read(tmp_path / "tokens.txt") == BYTE_TABLE


def test_half_of_a_surrogate_pair_has_no_bytes() -> None:
    with pytest.raises(TokenError, match="half of a surrogate pair"):
        BYTE_TABLE.encode("a\ud83d")


@pytest.mark.parametrize(("table", "separator"), [(ABC, 1), (BYTE_TABLE, 33), (PHONE_TABLE, None), (PIECE_TABLE, None)])
def test_words_are_parted_by_the_space_where_there_is_one(table: TokenTable, separator: int | None) -> None:
    assert table.separator == separator
    if separator is not None:
        assert table.decode([separator]) == " "
