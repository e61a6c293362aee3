"""The search over bytes: that over characters where these are one byte each, and every other letter beside."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toy import ARPA, TABLE, WORDS, emissions
from tympan.decoding import BeamDecoder, Hypothesis, greedy, word_spans
from tympan.lm import NGram, Scorer
from tympan.tokens import TokenTable

BYTES = TokenTable.of_bytes()
NEVER = -80.0  # natural log; no path takes it, and no sum shows it


def as_bytes(log_probs: np.ndarray) -> np.ndarray:
    """(T, V) over TABLE as (T, 257) over bytes."""
    spread = np.full((len(log_probs), len(BYTES)), NEVER, np.float32)
    spread[:, [0, *(BYTES.encode(f"x{token}x")[1] if token == " " else BYTES.encode(token)[0] for token in TABLE.tokens[1:])]] = log_probs
    return spread


def spoken(text: bytes, sure: float = 0.9) -> np.ndarray:
    """(T, 257) in which each byte is heard in one frame, with a blank after it."""
    rows = []
    for byte in text:
        for token in (byte + 1, 0):
            row = np.full(len(BYTES), (1 - sure) / 256, np.float32)
            row[token] = sure
            rows.append(np.log(row))
    return np.array(rows)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from(["none", "scorer", "open"]))
def test_search_over_bytes_is_that_over_characters(seed: int, frames: int, kind: str) -> None:
    log_probs = emissions(seed, frames)
    found = []
    for table, numbers in ((TABLE, log_probs), (BYTES, as_bytes(log_probs))):
        scorer = None if kind == "none" else Scorer.make(NGram.from_arpa(io.StringIO(ARPA)), table, WORDS, lm_weight=0.8, word_score=0.3)
        decoder = BeamDecoder(table, scorer, hot_words={"ba": 2.0}, lexicon=kind != "open", beam_size=500, beam_threshold=50.0)
        found.append(decoder.decode(numbers, nbest=3))
    one, other = found
    assert [item.text for item in other] == [item.text for item in one]
    assert [item.score for item in other] == pytest.approx([item.score for item in one], abs=1e-3)
    assert [item.word_lengths for item in other] == [item.word_lengths for item in one]


def test_words_of_several_bytes_a_letter_are_written_from_the_lexicon_and_outside_it() -> None:
    arpa = "\\data\\\nngram 1=5\n\n\\1-grams:\n-1 <unk>\n-1 <s>\n-1 </s>\n-1 größe\n-1 日本\n\n\\end\\\n"
    scorer = Scorer.make(NGram.from_arpa(io.StringIO(arpa)), BYTES, ["größe", "日本"])
    heard = spoken("größe 日本".encode())
    best = BeamDecoder(BYTES, scorer).decode(heard)[0]
    assert best.text == "größe 日本" and best.words == ("größe", "日本") and best.word_lengths == (7, 6)
    assert [(span.text, span.first, span.end) for span in word_spans(best, BYTES)] == [("größe", 0, 7), ("日本", 8, 14)]
    assert BeamDecoder(BYTES, scorer, lexicon=False).decode(spoken("straße".encode(), 0.999))[0].text == "straße"
    assert BeamDecoder(BYTES).decode(spoken(b"gr\xc3 \xff"))[0].text == "gr\ufffd \ufffd"


def test_hot_words_of_any_script_win() -> None:
    heard = spoken("grüße".encode(), sure=0.4)
    heard[[4, 6]] = np.log(np.full(len(BYTES), 1 / 257))  # nothing is heard of the ü
    assert BeamDecoder(BYTES).decode(heard)[0].text != "grüße"
    best = BeamDecoder(BYTES, hot_words={"grüße": 12.0}).decode(heard)[0]
    assert best.text == "grüße" and best.hot_words == {"grüße": 1}


def test_greedy_words_are_parted_at_the_byte_of_the_space() -> None:
    tokens = greedy(spoken("ja größe".encode())).tokens
    assert BYTES.decode(tokens) == "ja größe"
    assert [(span.text, span.first, span.end) for span in word_spans(Hypothesis(tokens, 0.0, 0.0), BYTES)] == [
        ("ja", 0, 2),
        ("größe", 3, 10),
    ]
