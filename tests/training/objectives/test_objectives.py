"""The members of the family against all paths of tiny inputs, finite differences, and figures by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from exhaustive import alignments
from tympan.training.objectives import (
    CTC,
    CTCCRF,
    BlankPenaltyCTC,
    Objective,
    PriorCTC,
    SmoothedCTC,
    build_objective,
    ctc_loss,
    impossible,
)
from tympan.training.objectives.ctc import ctc_costs, possible
from tympan.training.objectives.graph import estimate_graph
from tympan.training.recipe import BlankPenaltyRecipe, CRFRecipe, CTCRecipe, PriorRecipe, SmoothingRecipe

TARGETS = [(1, 2), (), (2, 2, 1), (1, 1, 1), (3,)]
LENGTHS = [5, 3, 5, 4, 1]  # the fourth has no path
GRAPH = estimate_graph([[1, 2, 1], [2, 2, 3], [3, 1, 1], [1], [2, 3]], 4, order=3, max_ngrams=1000)
OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "ctc": CTC,
    "smoothing": partial(SmoothedCTC, 0.2),
    "blank_penalty": partial(BlankPenaltyCTC, 0.7),
    "priors": partial(PriorCTC, 4, 0.3, 0.9),
    "crf": partial(CTCCRF, GRAPH, 0.1),
}


def batch(dtype: torch.dtype = torch.float64, targets: list[tuple[int, ...]] | None = None) -> tuple[torch.Tensor, ...]:
    """log_probs (5, 6, 4), lengths, joined tokens, token lengths."""
    targets = TARGETS if targets is None else targets
    log_probs = torch.log_softmax(2 * torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64), dim=-1)
    tokens = torch.tensor([token for target in targets for token in target], dtype=torch.int64)
    return log_probs.to(dtype), torch.tensor(LENGTHS), tokens, torch.tensor([len(target) for target in targets])


def cost(scores: np.ndarray, target: tuple[int, ...]) -> float:
    """-log of the sum over all paths of `target` of exp of their scores; 0 if there is none."""
    paths, spelled, meanings = alignments(*scores.shape)
    if target not in meanings:
        return 0.0
    of_paths = scores[np.arange(len(scores)), paths].sum(axis=1)
    return -float(np.logaddexp.reduce(of_paths[spelled == meanings.index(target)]))


def by_hand(scores: torch.Tensor) -> float:
    """Costs of the batch under `scores`, an output frame."""
    rows = zip(scores.numpy(), LENGTHS, TARGETS, strict=True)
    return sum(cost(row[:length], target) for row, length, target in rows) / sum(LENGTHS)


def test_costs_are_those_of_all_paths_whatever_the_scores_sum_to() -> None:
    _, *targets = batch()
    scores = 3 * torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = [cost(row[:length], target) for row, length, target in zip(scores.numpy(), LENGTHS, TARGETS, strict=True)]
    np.testing.assert_allclose(ctc_costs(scores, *targets).numpy(), expected, atol=1e-9)
    assert expected[3] == 0


def test_gradient_of_costs_is_that_of_finite_differences_for_scores_of_any_sum() -> None:
    _, *targets = batch()
    scores = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: ctc_costs(given, *targets), scores)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_through_a_softmax_is_that_of_finite_differences(name: str) -> None:
    _, *targets = batch()
    logits = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()
    objective = OBJECTIVES[name]().eval()
    if isinstance(objective, PriorCTC):
        objective.prior = torch.tensor([0.7, 0.1, 0.15, 0.05])
    assert torch.autograd.gradcheck(lambda given: objective(torch.log_softmax(given, dim=-1), *targets), logits)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_padding_and_impossible_targets_have_no_part(name: str) -> None:
    log_probs, lengths, tokens, token_lengths = batch()
    objective = OBJECTIVES[name]().eval()
    found = log_probs.clone().requires_grad_()
    loss = objective(found, lengths, tokens, token_lengths)
    loss.backward()
    assert found.grad is not None
    for row, length in enumerate(LENGTHS):
        log_probs[row, length:] = torch.randn(6 - length, 4, dtype=torch.float64).log_softmax(dim=-1)
        assert not found.grad[row, length:].any()
    assert (name == "smoothing") or not found.grad[3].any()
    torch.testing.assert_close(objective(log_probs, lengths, tokens, token_lengths), loss.detach())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_float32_is_as_good_and_no_frames_cost_nothing(name: str) -> None:
    objective = OBJECTIVES[name]().eval()
    torch.testing.assert_close(objective(*batch(torch.float32)).double(), objective(*batch()), atol=1e-5, rtol=1e-5)
    none = torch.zeros(5, dtype=torch.int64)
    assert objective(batch()[0], none, none[:0], none).item() == pytest.approx(0, abs=1e-6)


def test_ctc_is_the_plain_loss() -> None:
    assert torch.equal(CTC()(*batch()), ctc_loss(*batch()))
    assert float(CTC()(*batch())) == pytest.approx(by_hand(batch()[0]))


def test_smoothing_is_the_distance_from_equal_probabilities() -> None:
    log_probs = torch.log(torch.tensor([[[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25], [1e-9, 1 - 3e-9, 1e-9, 1e-9]]])).double()
    targets = torch.tensor([2]), torch.tensor([1]), torch.tensor([1])  # the third frame is padding
    divergence = (math.log(4) - 1.75 * math.log(2) + 0) / 2
    assert float(SmoothedCTC(0.9)(log_probs, *targets)) == pytest.approx(0.1 * float(ctc_loss(log_probs, *targets)) + 0.9 * divergence)
    assert torch.equal(SmoothedCTC(0.0)(*batch()), ctc_loss(*batch()))


def test_blank_penalty_counts_the_blanks_of_every_path() -> None:
    log_probs, *_ = batch()
    penalised = log_probs.clone()
    penalised[..., 0] -= 0.7
    assert float(BlankPenaltyCTC(0.7)(*batch())) == pytest.approx(by_hand(penalised))
    assert float(BlankPenaltyCTC(0.0)(*batch())) == pytest.approx(by_hand(log_probs))


def test_blank_penalty_moves_the_gradient_from_blanks_to_tokens() -> None:
    wanted = []
    for penalty in (0.0, 2.0):
        log_probs = torch.full((1, 5, 3), math.log(1 / 3)).requires_grad_()
        BlankPenaltyCTC(penalty)(log_probs, torch.tensor([5]), torch.tensor([1]), torch.tensor([1])).backward()
        assert log_probs.grad is not None
        wanted.append(-float(log_probs.grad[0, :, 0].sum()))
    assert wanted[1] < 0.5 * wanted[0]


def test_priors_divide_the_scores() -> None:
    log_probs, *_ = batch()
    objective = PriorCTC(4, 0.3, 0.9).eval()
    uniform = float(objective(*batch()))
    assert uniform == pytest.approx(by_hand(log_probs + 0.3 * math.log(4)))
    objective.prior = torch.tensor([0.9, 0.1 - 1e-9, 0.0, 1e-9])
    scores = log_probs - 0.3 * torch.tensor([math.log(0.9), math.log(0.1), -12.0, -12.0], dtype=torch.float64)
    assert float(objective(*batch())) == pytest.approx(by_hand(scores), abs=1e-6)


def test_prior_is_the_average_of_the_posteriors_of_valid_frames() -> None:
    log_probs, *targets = batch()
    objective = PriorCTC(4, 0.3, 0.5)
    first = objective(log_probs, *targets)
    mean = sum(row[:length].exp().sum(dim=0) for row, length in zip(log_probs, LENGTHS, strict=True)) / sum(LENGTHS)
    torch.testing.assert_close(objective.prior, (0.1 * 0.25 + 0.9 * mean).float())  # a new average hardly keeps what it began with
    assert float(objective(log_probs, *targets)) != pytest.approx(float(first))
    assert objective.steps == 2 and float(objective.prior.sum()) == pytest.approx(1)
    torch.testing.assert_close(objective.prior, (2 / 11 * (0.1 * 0.25 + 0.9 * mean) + 9 / 11 * mean).float())
    before = objective.eval().prior.clone()
    objective(log_probs, *targets)
    assert torch.equal(objective.prior, before)


def test_priors_go_into_the_state_and_come_back() -> None:
    one, other = PriorCTC(4, 0.3, 0.5), PriorCTC(4, 0.3, 0.5)
    one(*batch())
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(*batch()), other(*batch())) and torch.equal(one.prior, other.prior)


def test_crf_is_the_probability_of_the_target_among_all_sequences() -> None:
    log_probs, *_ = batch()
    expected = 0.0
    for row, length, target in zip(log_probs.numpy(), LENGTHS, TARGETS, strict=True):
        _, _, meanings = alignments(length, 4)
        joint = {meaning: GRAPH.log_probability(meaning) - cost(row[:length], meaning) for meaning in meanings}
        if target in joint:
            expected += float(np.logaddexp.reduce(list(joint.values()))) - joint[target]
    assert float(CTCCRF(GRAPH, 0.0)(*batch())) == pytest.approx(expected / sum(LENGTHS), abs=1e-6)
    mixed = expected / sum(LENGTHS) + 0.1 * by_hand(log_probs)
    assert float(CTCCRF(GRAPH, 0.1)(*batch())) == pytest.approx(mixed, abs=1e-6)


def test_crf_probabilities_of_all_targets_sum_to_one() -> None:
    log_probs = torch.log_softmax(torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(5)), dim=-1)
    targets = [target for count in range(5) for target in product((1, 2, 3), repeat=count)]
    lengths = torch.full((len(targets),), 4)
    tokens = torch.tensor([token for target in targets for token in target])
    token_lengths = torch.tensor([len(target) for target in targets])
    fits = possible(lengths, tokens, token_lengths)
    objective = CTCCRF(GRAPH, 0.0)
    losses = [
        4 * float(objective(log_probs, lengths[:1], torch.tensor(target, dtype=torch.int64), torch.tensor([len(target)])))
        for target, fit in zip(targets, fits, strict=True)
        if fit
    ]
    assert min(losses) > 0  # the denominator holds the numerator
    assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_heard_are_the_log_probs_but_for_the_crf_its_posteriors(name: str) -> None:
    log_probs, lengths, *_ = batch()
    objective = OBJECTIVES[name]()
    heard = objective.heard(log_probs, lengths)
    if isinstance(objective, CTCCRF):
        expected = objective.denominator.posteriors(log_probs, lengths)[1]
        assert torch.isfinite(heard).all() and not torch.allclose(heard, log_probs)
        torch.testing.assert_close(heard.exp(), expected)
    else:
        assert heard is log_probs


def test_crf_tells_the_size_of_its_graph() -> None:
    assert CTCCRF(GRAPH, 0.1).describe() == f"denominator: {GRAPH.num_contexts} contexts, {GRAPH.num_arcs} n-grams of two tokens and more"


@pytest.mark.parametrize("frames", range(6))
def test_possible_is_what_some_path_spells(frames: int) -> None:
    spelled = set(alignments(frames, 3)[2]) if frames else {()}
    targets = [target for count in range(5) for target in product((1, 2), repeat=count)]
    lengths = torch.full((len(targets),), frames)
    tokens, counts = torch.tensor([token for target in targets for token in target]), torch.tensor([len(target) for target in targets])
    assert possible(lengths, tokens, counts).tolist() == [target in spelled for target in targets]
    assert impossible(lengths, tokens, counts) == [index for index, target in enumerate(targets) if target not in spelled]


def test_recipes_choose_their_member() -> None:
    transcripts = [[1, 2, 1, 2], [2, 1]]
    made = build_objective(SmoothingRecipe(kind="ctc-smoothing", weight=0.25), 4, [])
    assert isinstance(made, SmoothedCTC) and made.weight == 0.25
    made = build_objective(BlankPenaltyRecipe(kind="ctc-blank-penalty", penalty=1.5), 4, [])
    assert isinstance(made, BlankPenaltyCTC) and made.penalty == 1.5
    made = build_objective(PriorRecipe(kind="ctc-priors", weight=0.2, decay=0.99), 4, [])
    assert isinstance(made, PriorCTC) and (made.weight, made.decay, len(made.prior)) == (0.2, 0.99, 4)
    made = build_objective(CRFRecipe(kind="ctc-crf", order=2, max_ngrams=2, ctc_weight=0.5), 4, transcripts)
    assert isinstance(made, CTCCRF) and made.ctc_weight == 0.5 and made.denominator.graph.num_arcs <= 2
    assert isinstance(build_objective(CTCRecipe(), 4, []), CTC)
