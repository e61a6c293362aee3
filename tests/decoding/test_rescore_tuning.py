"""Weights of a rescoring, tuned on lists that are searched once."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import toy
from toy_neural import bigram_file, follows
from tympan.decoding import Rescorer
from tympan.decoding.rescore_tuning import RescoredLists
from tympan.lm import NeuralLM, tuning

PAIRS = [("", "a", 0.5), ("", "b", 0.125), ("a", " ", 0.25), ("b", " ", 0.5), (" ", "b", 0.6), (" ", "a", 0.3), ("b", "", 0.125)]


@pytest.fixture(scope="module")
def lm() -> NeuralLM:
    return NeuralLM(bigram_file(toy.TABLE, follows(toy.TABLE, PAIRS)))


def test_every_weight_chooses_what_the_rescorer_chooses(lm: NeuralLM) -> None:
    log_probs = [toy.emissions(seed, 12) for seed in range(8)]
    decoder = toy.decoder(recombine=False)
    lists = RescoredLists.make(log_probs, decoder, lm, 20)
    seen = set()
    for weight, token_score in itertools.product((0.0, 0.3, 2.0), (-1.0, 0.0, 1.0)):
        expected = [Rescorer(lm, weight, token_score)(decoder.decode(item, 20))[0].text for item in log_probs]
        assert [found.text for found in lists.best(weight, token_score)] == expected
        seen.add(tuple(expected))
    assert len(seen) > 2, "the weights change nothing, so this shows nothing"


def test_tuning_finds_the_weight_that_undoes_the_search_s_mistakes(lm: NeuralLM) -> None:
    """What was said is what the language model likes best of each list; so errors fall from weight 0 on."""
    log_probs = [toy.emissions(seed, 12) for seed in range(12)]
    lists = RescoredLists.make(log_probs, toy.decoder(recombine=False), lm, 20)
    references = [hypotheses[int(np.argmax(neural))].text for hypotheses, neural in zip(lists.lists, lists.neural, strict=True)]
    chosen = [n for n, reference in enumerate(references) if reference]
    pieces = [[log_probs[n]] for n in chosen]
    part = RescoredLists(*(tuple(rows[n] for n in chosen) for rows in (lists.lists, lists.neural, lists.counts)))
    found = tuning.tune(pieces, [references[n] for n in chosen], part.decoder, first=[(0.0, 0.0)])
    assert found.points[0].weights == (0.0, 0.0)
    assert found.best.errors.errors < found.points[0].errors.errors
    assert found.best.lm_weight > 0 and math.isfinite(found.best.word_score)
