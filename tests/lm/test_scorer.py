"""The scorer's file: what is saved is opened, what is damaged is refused, nothing else happens."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exhaustive import random_arpa
from toy import ARPA, PHONES, PIECES, TABLE, WORDS, decoder, emissions, scorer
from tympan.decoding import BeamDecoder
from tympan.errors import LMError, TokenError, TympanError
from tympan.lm import NGram, Scorer
from tympan.lm.scorer import ADDED_LOG10, HEADER, LEXICON, NGRAM, UNTUNED
from tympan.tokens import TokenTable

LEXICONS: dict[str, tuple[TokenTable, dict[str, list[list[str]]]]] = {
    "characters": (TABLE, {word: [list(word)] for word in ("a", "ab", "bba", "zwei", "b")} | {"zwei": [["b", "a"], ["b"]]}),
    "phones": (PHONES, {"ah": [["AA"]], "back": [["B", "AA", "K"], ["B", "K"]], "baa": [["B", "AA"]], "bar": [["B", "AA"]]}),
    "bytes": (TokenTable.of_bytes(), {"a": [["<0x61>"]], "größe": [TokenTable.of_bytes().units("größe")], "b": [["<0x62>"], ["<0x61>"]]}),
    "pieces": (PIECES, {"a": [["▁a"]], "ab": [["▁a", "b"]], "b": [["▁b"]]}),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scorer") / "toy.scorer"
    scorer().save(path)
    return path


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(LEXICONS)),
    st.integers(1, 4),
    st.integers(0, 2**32),
    st.floats(0, 10),
    st.floats(-20, 20),
)
def test_saved_and_opened_is_equal(
    tmp_path_factory: pytest.TempPathFactory, kind: str, order: int, seed: int, lm_weight: float, word_score: float
) -> None:
    table, lexicon = LEXICONS[kind]
    ngram = NGram.from_arpa(io.StringIO(random_arpa(lexicon, order, Random(seed))))
    before = Scorer.make(ngram, table, lexicon, lm_weight=lm_weight, word_score=word_score, facts={"text": "ü", "lines": 4})
    path = tmp_path_factory.mktemp("scorer") / "ü.scorer"
    before.save(path, bits=32)
    after = Scorer.open(path)
    for name in ("tokens", "words", "spellings", "lm_weight", "word_score", "facts"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.bonuses == pytest.approx(before.bonuses, abs=1e-4)
    random = Random(seed)
    for _ in range(20):
        sentence = " ".join(random.choices([*lexicon, "unheard"], k=random.randrange(6)))
        assert after.ngram.score(sentence) == before.ngram.score(sentence)
    log_probs = emissions(seed, 20, len(table))
    one, other = (BeamDecoder(table, item).decode(log_probs, nbest=5) for item in (before, after))
    assert [item.words for item in other] == [item.words for item in one]
    assert [item.score for item in other] == pytest.approx([item.score for item in one], abs=1e-2)  # bonuses are kept with four decimals


def test_saving_twice_gives_the_same_bytes_and_opening_changes_nothing(saved: Path, tmp_path: Path) -> None:
    Scorer.open(saved).save(tmp_path / "again.scorer")
    scorer().save(tmp_path / "anew.scorer")
    assert (tmp_path / "again.scorer").read_bytes() == (tmp_path / "anew.scorer").read_bytes() == saved.read_bytes()


def test_scorer_may_be_saved_over_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "own.scorer"
    scorer().save(path)
    opened = Scorer.open(path)
    opened.with_weights(0.25, -1.0).save(path)
    assert (Scorer.open(path).lm_weight, Scorer.open(path).word_score) == (0.25, -1.0)
    assert opened.ngram.score("ab a") == pytest.approx(scorer().ngram.score("ab a"))


def test_quantised_scorer_is_near_the_exact_one(tmp_path: Path) -> None:
    scorer().save(tmp_path / "8.scorer", bits=8)
    assert Scorer.open(tmp_path / "8.scorer").ngram.score("ab a ba") == pytest.approx(scorer().ngram.score("ab a ba"), abs=0.05)


def test_vocabulary_comes_from_words_file_mapping_or_n_gram(tmp_path: Path) -> None:
    ngram = NGram.from_arpa(io.StringIO(ARPA))
    (tmp_path / "words.txt").write_text("\ufeffab\r\n\n a \r\nab\n", encoding="utf-8")
    assert Scorer.make(ngram, TABLE, ["ab", "a", "ab"]).words == ("ab", "a")
    assert Scorer.make(ngram, TABLE, tmp_path / "words.txt").words == ("ab", "a")
    assert Scorer.make(ngram, TABLE, {"x": [["a"], ["b"]]}).spellings == ((0, (2,)), (0, (3,)))
    assert sorted(Scorer.make(ngram, TABLE).words) == sorted(WORDS)


def test_words_that_cannot_be_spelled_are_left_out_and_counted() -> None:
    made = Scorer.make(NGram.from_arpa(io.StringIO(ARPA)), TABLE, ["ab", "cab", "AB"])
    assert made.words == ("ab",)
    assert (made.facts["left_out"], made.facts["left_out_examples"]) == (2, ["cab", "AB"])
    with pytest.raises(LMError, match="No word"):
        Scorer.make(NGram.from_arpa(io.StringIO(ARPA)), TABLE, ["cab"])


def test_weights_that_nobody_chose_depend_on_the_kind_of_tokens() -> None:
    for kind, (table, lexicon) in LEXICONS.items():
        made = Scorer.make(NGram.from_arpa(io.StringIO(ARPA)), table, lexicon)
        assert (made.lm_weight, made.word_score) == UNTUNED[kind]


def test_word_that_the_n_gram_lacks_counts_as_one_in_a_hundred_thousand() -> None:
    for unknown, bonus in ((-7.5, 2.5), (-2.0, 0.0)):
        ngram = NGram.from_arpa(io.StringIO(ARPA.replace("-2.0\t<unk>", f"{unknown}\t<unk>")))
        made = Scorer.make(ngram, TABLE, ["ab", "bb"])
        assert made.bonuses == pytest.approx({1: bonus})
        assert unknown + bonus == pytest.approx(max(unknown, ADDED_LOG10))


def test_added_words_are_spelled_and_old_ones_stay() -> None:
    before = scorer()
    after, fresh = before.with_words({"bb": None, "ab": None, "a": [["b", "b", "b"]]})
    assert fresh == ["bb"]
    assert after.words == (*WORDS, "bb")
    assert set(after.spellings) == {*before.spellings, (5, (3, 3)), (0, (3, 3, 3))}
    assert before.words == WORDS
    with pytest.raises(TokenError, match="'xa'"):
        before.with_words({"xa": None})


def test_words_added_to_phones_are_pronounced_after_those_that_are_there() -> None:
    table, lexicon = LEXICONS["phones"]
    made = Scorer.make(NGram.from_arpa(io.StringIO(ARPA)), table, lexicon)
    after, fresh = made.with_words({"backbar": None})
    assert fresh == ["backbar"]
    assert after.spellings[-1] == (4, (2, 1, 3, 2, 1))


@pytest.mark.parametrize("word", ["a b", " a", "", "a\tb", "a\nb", "a\x85b", "a\u2028b"])
def test_words_with_white_space_are_refused_or_survive_the_file(tmp_path: Path, word: str) -> None:
    try:
        before = Scorer.make(NGram.from_arpa(io.StringIO(ARPA)), TABLE, {word: [["a", "b"]], "ab": [["a", "b"]]})
    except TympanError:
        return
    before.save(tmp_path / "white.scorer")
    after = Scorer.open(tmp_path / "white.scorer")
    assert (after.words, after.spellings) == (before.words, before.spellings)


def rewritten(saved: Path, path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]) -> Path:
    """The scorer with another header or members, checksums made to fit."""
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in (LEXICON, NGRAM)}
        header = json.loads(archive.read(HEADER))
    change(header, members)
    for name in header.get("members", {}) if isinstance(header.get("members"), dict) else ():
        if name in members:
            header["members"][name] = {"bytes": len(members[name]), "sha256": hashlib.sha256(members[name]).hexdigest()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(HEADER, json.dumps(header))
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda header, members: header.update(format=2), "format 2.*reads 1"),
        (lambda header, members: header.pop("format"), "format None"),
        (lambda header, members: header.pop("lm_weight"), "lm_weight"),
        (lambda header, members: header.update(lm_weight=None), "damaged"),
        (lambda header, members: header.update(facts=3), "damaged"),
        (lambda header, members: header.update(members=[]), "damaged"),
        (lambda header, members: header["tokens"].update(tokens=["<blank>", " ", "b", "a"]), "damaged"),
        (lambda header, members: header.update(tokens="abc"), "damaged"),
        (lambda header, members: members.update({LEXICON: b"ab\tx\n"}), "line 1: 'x' is not a token"),
        (lambda header, members: members.update({LEXICON: b"ab\ta b\tmuch\n"}), "damaged"),
        (lambda header, members: members.update({LEXICON: b"\xff\n"}), "damaged"),
        (lambda header, members: members.update({NGRAM: b""}), "toy|hurt|scorer"),
        (lambda header, members: members.update({NGRAM: b"\\data\\\nngram 1=1\n"}), "toy|hurt|scorer"),
        (lambda header, members: members.update(more=b""), "its members are"),
    ],
)
def test_forged_scorer_is_refused_in_a_sentence(saved: Path, tmp_path: Path, change: Any, part: str) -> None:
    with pytest.raises(LMError, match=part):
        Scorer.open(rewritten(saved, tmp_path / "hurt.scorer", change))


@pytest.mark.parametrize(
    "change",
    [
        lambda header, members: header.update(lm_weight=float("nan")),
        lambda header, members: header.update(word_score=float("inf")),
        lambda header, members: members.update({LEXICON: b"ab\ta b\tnan\n"}),
        lambda header, members: members.update({LEXICON: b"ab\ta b\t1e300\n"}),
        lambda header, members: members.update({LEXICON: b""}),
        lambda header, members: members.update({LEXICON: b"\ta b\n"}),
        lambda header, members: members.update({LEXICON: b"ab\ta <blank>\n"}),
    ],
    ids=["lm_weight nan", "word_score inf", "bonus nan", "bonus 1e300", "no words", "word without letters", "blank in a spelling"],
)
def test_values_that_make_no_sense_are_refused_when_the_scorer_is_opened(saved: Path, tmp_path: Path, change: Any) -> None:
    path = rewritten(saved, tmp_path / "hurt.scorer", change)
    with pytest.raises(LMError):
        Scorer.open(path)


def refused_or_usable(path: Path) -> bool:
    """Whether a damaged scorer is refused; if it is not, it must work."""
    try:
        opened = Scorer.open(path)
        search = BeamDecoder(opened.tokens, opened, lexicon=False)
        search.decode(emissions(1, 8, len(opened.tokens)))
        opened.ngram.score("ab a unheard")
    except TympanError:
        return True
    return False


def test_truncated_scorer_is_refused(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    path = tmp_path / "cut.scorer"
    for size in sorted({len(content) * part // 50 for part in range(50)} | {len(content) - 1}):
        path.write_bytes(content[:size])
        with pytest.raises(LMError, match="scorer"):
            Scorer.open(path)


def test_lost_or_doubled_middle_is_refused_or_harmless(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    random = Random(1)
    path = tmp_path / "moved.scorer"
    for _ in range(60):
        begin, end = sorted(random.sample(range(len(content)), 2))
        for moved in (content[:begin] + content[end:], content[:end] + content[begin:]):
            path.write_bytes(moved)
            refused_or_usable(path)


@pytest.mark.parametrize("part", [HEADER, LEXICON, NGRAM, "directory"])
def test_flipped_bits_are_refused_or_harmless(saved: Path, tmp_path: Path, part: str) -> None:
    content = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        begins = {info.filename: info.header_offset for info in archive.infolist()} | {"directory": archive.start_dir}
    begin = begins[part]
    end = min((other for other in begins.values() if other > begin), default=len(content))
    path = tmp_path / "flipped.scorer"
    random = Random(2)
    refused = 0
    for _ in range(150):
        flipped = bytearray(content)
        for _ in range(random.choice([1, 1, 3])):
            flipped[random.randrange(begin, end)] ^= 1 << random.randrange(8)
        path.write_bytes(flipped)
        refused += refused_or_usable(path)
    assert refused > (0 if part == NGRAM else 50)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06" + bytes(18), b"TRIE", b"\x00" * 100, b"mmap lm http://kheafield.com/code format version 5\n\x00"]
)
def test_other_files_are_no_scorers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.scorer").write_bytes(content)
    with pytest.raises(LMError, match=r"other\.scorer"):
        Scorer.open(tmp_path / "other.scorer")
    with pytest.raises(LMError, match="There is no scorer"):
        Scorer.open(tmp_path / "none.scorer")
    with pytest.raises(LMError, match="There is no scorer"):
        Scorer.open(tmp_path)


def test_tokens_that_differ_are_named_by_their_place(saved: Path) -> None:
    with pytest.raises(TokenError, match=r"toy\.scorer was made for other tokens.*first at index 2"):
        Scorer.open(saved).check_tokens(["<b>", " ", "b", "a"])
    with pytest.raises(TokenError, match="first at index 4"):
        scorer().check_tokens([*TABLE.tokens, "c"])
    scorer().check_tokens(["_", " ", "a", "b"])


def test_search_is_the_same_from_the_file(saved: Path) -> None:
    opened = BeamDecoder(TABLE, Scorer.open(saved))
    for seed in range(5):
        one, other = decoder().decode(emissions(seed, 80))[0], opened.decode(emissions(seed, 80))[0]
        assert other.text == one.text
