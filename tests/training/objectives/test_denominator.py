"""log Z and its posteriors against all paths of tiny inputs, and native code against torch in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from exhaustive import alignments
from tympan.errors import ShapeError
from tympan.training.objectives.denominator import Denominator
from tympan.training.objectives.forward_backward import Steps, log_partition
from tympan.training.objectives.graph import DenominatorGraph, estimate_graph

CPU = torch.device("cpu")


def graph(num_tokens: int = 4, order: int = 3, max_ngrams: int = 10_000, sentences: int = 30) -> DenominatorGraph:
    """Of transcripts of a chain with preferences, equal neighbours among them; one token never occurs."""
    rng = np.random.default_rng([num_tokens, order])
    preferences = rng.dirichlet(np.full(num_tokens - 1, 0.5), size=(num_tokens, num_tokens))
    targets = []
    for _ in range(sentences):
        target = [0, 0]
        for _ in range(rng.integers(1, 9)):
            target.append(1 + int(rng.choice(num_tokens - 1, p=preferences[target[-2], target[-1]])))
        targets.append([min(token, max(1, num_tokens - 2)) for token in target[2:]])
    return estimate_graph(targets, num_tokens, order=order, max_ngrams=max_ngrams)


def emissions(*shape: int, scale: float = 2.0, seed: int = 0) -> torch.Tensor:
    return torch.log_softmax(scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def brute_force(language: DenominatorGraph, log_probs: torch.Tensor) -> tuple[float, np.ndarray]:
    """log Z and posteriors of one utterance, (T, V), path by path."""
    frames, num_tokens = log_probs.shape
    paths, spelled, meanings = alignments(frames, num_tokens)
    prior = np.array([language.log_probability(meaning) for meaning in meanings])
    scores = log_probs.double().numpy()[np.arange(frames), paths].sum(axis=1) + prior[spelled]
    log_z = float(np.logaddexp.reduce(scores))
    posteriors = np.zeros((frames, num_tokens))
    for frame in range(frames):
        np.add.at(posteriors[frame], paths[:, frame], np.exp(scores - log_z))
    return log_z, posteriors


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize(("num_tokens", "frames"), [(2, 6), (3, 7), (4, 6), (5, 1)])
def test_log_z_and_posteriors_are_those_of_all_paths(num_tokens: int, frames: int, order: int, dtype: torch.dtype) -> None:
    language = graph(num_tokens, order)
    log_probs = emissions(1, frames, num_tokens)
    log_z, posteriors = Denominator(language).posteriors(log_probs.to(dtype), torch.tensor([frames]))
    expected, occupied = brute_force(language, log_probs[0])
    assert float(log_z) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(posteriors[0].numpy(), occupied, atol=1e-6)


def test_a_pruned_graph_has_contexts_that_only_back_off() -> None:
    language = graph(4, order=4, max_ngrams=12)
    assert 0 < language.num_arcs <= 12 and language.num_contexts < graph(4, order=4).num_contexts
    log_probs = emissions(1, 6, 4)
    expected, occupied = brute_force(language, log_probs[0])
    log_z, posteriors = Denominator(language).posteriors(log_probs, torch.tensor([6]))
    assert float(log_z) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(posteriors[0].numpy(), occupied, atol=1e-6)


def test_gradient_is_that_of_finite_differences() -> None:
    denominator = Denominator(graph(4, order=3))
    log_probs = emissions(3, 5, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda scores: denominator(scores, torch.tensor([5, 3, 0])), log_probs)


@pytest.mark.parametrize("scale", [0.5, 4.0, 40.0])
@pytest.mark.parametrize("order", [2, 3, 5])
def test_native_code_gives_what_torch_gives_in_float64(order: int, scale: float) -> None:
    language = graph(12, order, sentences=300)
    denominator = Denominator(language)
    lengths = torch.tensor([60, 1, 0, 37, 60, 59, 2, 33, 8, 41, 60])
    log_probs = emissions(len(lengths), 60, 12, scale=scale)
    native, torch64 = denominator.posteriors(log_probs, lengths), denominator.posteriors(log_probs.double(), lengths)
    torch.testing.assert_close(native[0].double(), torch64[0], atol=1e-4, rtol=1e-6)
    torch.testing.assert_close(native[1].double(), torch64[1], atol=1e-5, rtol=0)
    torch32 = log_partition(Steps(language, CPU, torch.float32), log_probs, lengths)
    torch.testing.assert_close(torch32[1].double(), torch64[1], atol=1e-5, rtol=0)


def test_what_looked_impossible_for_long_counts_when_the_end_demands_it() -> None:
    """Token 1 for 40 frames at 1e-13 each, then frames that only allow what has to follow another token: no mass may be lost."""
    denominator = Denominator(graph(6, order=4))
    log_probs = torch.full((1, 80, 6), -30.0)
    log_probs[0, :40, 2] = 0.0
    log_probs[0, 40:, 3] = 0.0
    log_probs[0, 40::2, 3] = -60.0
    log_probs[0, 40::2, 2] = 0.0
    log_probs = torch.log_softmax(log_probs, dim=-1)
    lengths = torch.tensor([80])
    native, torch64 = denominator.posteriors(log_probs, lengths), denominator.posteriors(log_probs.double(), lengths)
    torch.testing.assert_close(native[0].double(), torch64[0], atol=1e-3, rtol=0)
    torch.testing.assert_close(native[1].double(), torch64[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_posteriors_of_a_frame_sum_to_one_and_padding_has_none(dtype: torch.dtype) -> None:
    lengths = torch.tensor([9, 0, 4])
    _, posteriors = Denominator(graph()).posteriors(emissions(3, 9, 4).to(dtype), lengths)
    sums = posteriors.sum(dim=2)
    for row, length in zip(sums, lengths, strict=True):
        torch.testing.assert_close(row[:length], torch.ones(int(length), dtype=dtype))
        assert not row[length:].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_padding_and_company_change_nothing(dtype: torch.dtype) -> None:
    denominator = Denominator(graph(5))
    lengths = torch.tensor([7, 12, 3, 0, 12])
    log_probs = emissions(5, 12, 5).to(dtype)
    log_z, posteriors = denominator.posteriors(log_probs, lengths)
    for row, length in enumerate(lengths.tolist()):
        log_probs[row, length:] = math.nan
        alone = denominator.posteriors(log_probs[row : row + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(alone[0], log_z[row : row + 1])
        torch.testing.assert_close(alone[1], posteriors[row : row + 1, :length])
    again = denominator.posteriors(log_probs, lengths)
    assert torch.equal(again[0], log_z) and torch.equal(again[1], posteriors)


def test_no_frames_have_the_mass_of_no_tokens() -> None:
    language = graph()
    log_z, posteriors = Denominator(language).posteriors(emissions(1, 0, 4), torch.tensor([0]))
    assert float(log_z) == pytest.approx(language.log_probability([]), abs=1e-6)
    assert posteriors.shape == (1, 0, 4)


@pytest.mark.parametrize("batch", [1, 5, 16, 23])
def test_native_result_is_the_same_to_the_bit_for_any_threads_and_memory(batch: int) -> None:
    denominator = Denominator(graph(8, order=4, sentences=200))
    lengths = torch.tensor([30 - index for index in range(batch)])
    log_probs = emissions(batch, 30, 8)
    expected = denominator.posteriors(log_probs, lengths)
    for threads, memory in ((1, 0), (2, 1 << 25), (3, 0), (64, 1 << 25)):
        log_z, posteriors = torch.empty(batch), torch.empty(log_probs.shape)
        denominator.native.run(log_probs.numpy(), lengths.numpy(), log_z.numpy(), posteriors.numpy(), threads, memory)
        assert torch.equal(log_z, expected[0]) and torch.equal(posteriors, expected[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nan_in_an_utterance_shows_in_its_result_alone(dtype: torch.dtype) -> None:
    log_probs = emissions(2, 6, 4).to(dtype)
    log_probs[0, 2, 1] = math.nan
    log_z, posteriors = Denominator(graph()).posteriors(log_probs, torch.tensor([6, 6]))
    assert log_z.isnan().tolist() == [True, False]
    assert posteriors[0].isnan().any() and torch.isfinite(posteriors[1]).all()


def test_token_of_probability_zero_is_never_there() -> None:
    log_probs = emissions(1, 5, 4)
    log_probs[0, :, 2] = -math.inf
    expected, occupied = brute_force(graph(), log_probs[0])
    log_z, posteriors = Denominator(graph()).posteriors(log_probs, torch.tensor([5]))
    assert float(log_z) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(posteriors[0].numpy(), occupied, atol=1e-6)


def test_wrong_shapes_are_refused() -> None:
    denominator = Denominator(graph())
    with pytest.raises(ShapeError, match="5 tokens a frame, the denominator 4"):
        denominator(emissions(1, 3, 5), torch.tensor([3]))
    with pytest.raises(ShapeError, match="has 4 frames, the batch 3"):
        denominator(emissions(1, 3, 4), torch.tensor([4]))
