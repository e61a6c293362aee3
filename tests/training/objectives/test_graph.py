"""The denominator's graph is a language model: proper, that of the n-gram, bounded, and the same each time."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tympan.errors import RecipeError
from tympan.lm import NGram
from tympan.lm.estimate import estimate
from tympan.training.objectives.graph import DenominatorGraph, estimate_graph, graph_of

LN10 = math.log(10)


def transcripts(num_tokens: int = 6, sentences: int = 200, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    preferences = rng.dirichlet(np.full(num_tokens - 1, 0.3), size=num_tokens)
    found = []
    for _ in range(sentences):
        target = [0]
        for _ in range(rng.integers(1, 12)):
            target.append(1 + int(rng.choice(num_tokens - 1, p=preferences[target[-1]])))
        found.append(target[1:])
    return found


def next_tokens(graph: DenominatorGraph, context: int) -> float:
    """Probability that something comes after `context`, the end or a token; follows each way by itself."""
    total, mass = 0.0, 1.0
    while True:
        total += mass * float(graph.weights[graph.sources == context].sum())
        mass *= float(graph.backoff[context])
        if context < graph.num_tokens:
            return total + mass * float(graph.unigram.sum())
        context = int(graph.parent[context])


@pytest.mark.parametrize("order", [2, 3, 4, 6])
@pytest.mark.parametrize("max_ngrams", [10_000, 60, 5])
def test_what_leaves_a_context_sums_to_one(order: int, max_ngrams: int) -> None:
    graph = estimate_graph(transcripts(), 7, order=order, max_ngrams=max_ngrams)
    assert graph.num_arcs <= max_ngrams
    for context in range(graph.num_contexts):
        assert next_tokens(graph, context) + float(graph.final[context]) == pytest.approx(1, abs=1e-5)


def test_bigrams_are_those_of_the_ngram_itself(tmp_path: Path) -> None:
    """With pairs alone there is no longer context to lose by backing off."""
    targets = transcripts()
    estimate([" ".join(map(str, target)) for target in targets], tmp_path / "arpa", order=2, prune=(0,))
    ngram = NGram.from_arpa(tmp_path / "arpa")
    graph = estimate_graph(targets, 7, order=2, max_ngrams=10_000)
    unknown = 1 - sum(10 ** ngram.score(str(token), bos=False, eos=False) for token in range(1, 6)) - 10 ** ngram.score("", bos=False)
    assert 0 < unknown < 0.05
    for target in [*product(range(1, 6), repeat=3), (), (2, 2, 2, 2, 1)]:
        expected = ngram.score(" ".join(map(str, target))) * LN10
        assert graph.log_probability(target) == pytest.approx(expected, abs=1e-4)


def test_hidden_ways_of_a_trigram_by_hand() -> None:
    """p(1 2 2): from <s> 1 to (1), either listed 1 -> 2 or backed off; then 2 after (1 2) listed, or from (2), or alone."""
    ngrams = {
        (-2,): (0.2, 1.0),  # <unk>, which is token 3
        (-1,): (0.2, 1.0),
        (0,): (1.0, 0.5),
        (1,): (0.3, 0.5),
        (2,): (0.3, 0.4),
        (0, 1): (0.65, 1.0),
        (1, 2): (0.65, 0.25),
        (2, 2): (0.42, 1.0),
        (1, 2, 2): (0.605, 1.0),
        (2, -1): (0.38, 1.0),
    }
    graph = graph_of(ngrams, 4)
    assert graph.unigram.tolist() == pytest.approx([0, 0.3, 0.3, 0.2])
    assert [int(last) for last in graph.last] == [0, 1, 2, 3, 2]
    weights = {(int(a), int(b)): float(u) for a, b, u in zip(graph.sources, graph.targets, graph.weights, strict=True)}
    first, pair, equal, triple = 0.65 - 0.5 * 0.3, 0.65 - 0.5 * 0.3, 0.42 - 0.4 * 0.3, 0.605 - 0.25 * 0.42
    assert weights == pytest.approx({(0, 1): first, (1, 4): pair, (2, 2): equal, (4, 2): triple})
    of_one = first + 0.5 * 0.3
    in_pair, in_two = of_one * pair, of_one * 0.5 * 0.3
    second_two = in_pair * triple + (in_two + in_pair * 0.25) * (equal + 0.4 * 0.3)
    assert math.exp(graph.log_probability((1, 2, 2))) == pytest.approx(second_two * 0.38)
    assert math.exp(graph.log_probability(())) == pytest.approx(0.5 * 0.2)


def test_sequences_up_to_a_length_have_less_than_all_of_the_probability() -> None:
    graph = estimate_graph([[1, 2], [2], [1, 1], [2, 1]], 3, order=3, max_ngrams=1000)
    sums = [sum(math.exp(graph.log_probability(tokens)) for tokens in product((1, 2), repeat=length)) for length in range(12)]
    assert 0.95 < sum(sums) < 1


def test_higher_orders_predict_a_text_better(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    preferences = rng.dirichlet(np.full(4, 0.2), size=(5, 5))

    def text(sentences: int) -> list[list[int]]:
        found = []
        for _ in range(sentences):
            target = [0, 0]
            for _ in range(20):
                target.append(1 + int(rng.choice(4, p=preferences[target[-2], target[-1]])))
            found.append(target[2:])
        return found

    train, dev = text(400), text(30)
    log_probs = [sum(map(estimate_graph(train, 5, order=order, max_ngrams=10_000).log_probability, dev)) for order in (2, 3)]
    arpa = tmp_path / "arpa"
    estimate([" ".join(map(str, target)) for target in train], arpa, order=3, prune=(0,))
    ngram = sum(NGram.from_arpa(arpa).score(" ".join(map(str, target))) for target in dev) * LN10
    assert log_probs[1] > 0.9 * log_probs[0]
    assert log_probs[1] == pytest.approx(ngram, rel=0.01)


def test_tokens_of_no_transcript_are_unlikely_but_possible() -> None:
    graph = estimate_graph(transcripts(), 9, order=3, max_ngrams=10_000)
    seen, unseen = (graph.log_probability((1, token, 2)) for token in (2, 8))
    assert -40 < unseen < seen
    assert (graph.unigram[1:] > 0).all() and graph.unigram[0] == 0


def test_contexts_stand_behind_what_they_back_off_to() -> None:
    graph = estimate_graph(transcripts(), 7, order=5, max_ngrams=10_000)
    assert graph.last[:7].tolist() == list(range(7))
    longer = np.arange(7, graph.num_contexts)
    assert len(longer) > 50 and (graph.parent[longer] < longer).all()
    assert (graph.last[graph.parent[longer]] == graph.last[longer]).all()
    assert (graph.last[graph.targets] > 0).all() and (graph.weights > 0).all()


def test_graph_is_the_same_each_time() -> None:
    one, other = (estimate_graph(transcripts(), 7, order=4, max_ngrams=100) for _ in range(2))
    for name in ("last", "parent", "backoff", "sources", "targets", "weights", "unigram", "final"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_empty_transcripts_give_no_graph_and_are_left_out_of_others() -> None:
    with pytest.raises(RecipeError, match="transcripts are empty"):
        estimate_graph([[], []], 5, order=3, max_ngrams=10)
    one, other = (estimate_graph([[1, 2], *more, [2, 3]], 5, order=2, max_ngrams=100) for more in ([], [[], []]))
    np.testing.assert_array_equal(one.final, other.final)
