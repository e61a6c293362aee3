"""Texts as tokens and their batches."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from tympan.lm.case import Case
from tympan.tokens import TokenTable
from tympan.training.lm.sentences import batches, encode, epoch_order, read_lines

PIECES = TokenTable(("<blank>", "▁", "▁a", "b", "a"), "pieces")


def test_packed_texts_are_read_nfc_and_in_the_case_of_the_tokens(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "text.gz", "wt", encoding="utf-8") as file:
        file.write("Cafe\u0301  au\tlait\r\n\n  \nOUI\n")
    assert read_lines([tmp_path / "text.gz"], Case.LOWER) == ["café au lait", "oui"]


def test_pieces_are_those_of_the_table() -> None:
    found = encode(["ab a", "b", "xyz"], PIECES)
    assert [found.tokens[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)] == [
        PIECES.encode("ab a"),
        PIECES.encode("b"),
    ]
    assert (found.words, found.left_out, len(found)) == (3, 1, 2)


def test_a_batch_begins_and_ends_with_the_boundary_and_pads_with_it() -> None:
    rows, lengths = encode(["ab a", "b"], PIECES).batch(np.array([0, 1]))
    assert rows.tolist() == [[0, 2, 3, 2, 0], [0, 1, 3, 0, 0]]
    assert lengths.tolist() == [4, 3]


def test_every_sentence_is_in_one_batch_of_no_more_tokens_than_allowed() -> None:
    lines = ["a" * (1 + number % 17) for number in range(200)]
    sentences = encode(lines, TokenTable(("<blank>", " ", "a")))
    made = batches(sentences, 60, seed=3)
    assert sorted(np.concatenate(made).tolist()) == list(range(200))
    assert all(len(chosen) * sentences.lengths[chosen].max() <= 60 for chosen in made)
    assert sum(len(chosen) * sentences.lengths[chosen].max() for chosen in made) < 1.1 * sentences.lengths.sum()
    assert [chosen.tolist() for chosen in made] != [chosen.tolist() for chosen in batches(sentences, 60, seed=4)]


def test_epochs_have_orders_of_their_own_that_come_again() -> None:
    assert sorted(epoch_order(50, 1, 0).tolist()) == list(range(50))
    assert epoch_order(50, 1, 0).tolist() == epoch_order(50, 1, 0).tolist() != epoch_order(50, 1, 1).tolist()
