"""What every predictor promises: a token at a time gives what all tokens at once give."""

from __future__ import annotations

import pytest
import torch

from tympan.models.predictors import PREDICTORS, LSTMPredictor, Predictor, StatelessPredictor

SMALL: dict[str, dict[str, int]] = {"stateless": {"dim": 8, "context": 3}, "lstm": {"embedding_dim": 4, "dim": 6, "layers": 2}}


def small(name: str) -> Predictor:
    torch.manual_seed(0)
    return PREDICTORS[name](7, **SMALL[name]).eval()


@pytest.mark.parametrize("name", sorted(PREDICTORS))
def test_step_by_step_equals_all_at_once(name: str) -> None:
    predictor = small(name)
    targets = torch.randint(1, 7, (3, 5), generator=torch.Generator().manual_seed(1))
    whole = predictor(targets)
    assert whole.shape == (3, 6, predictor.output_dim)
    state = predictor.start(3)
    assert len(state) == predictor.num_states and all(len(part) == 3 for part in state)
    tokens = torch.zeros(3, dtype=torch.int64)
    for place in range(6):
        predicted, state = predictor.step(tokens, state)
        torch.testing.assert_close(predicted, whole[:, place])
        tokens = targets[:, min(place, 4)]


@pytest.mark.parametrize("name", sorted(PREDICTORS))
def test_a_row_does_not_know_the_tokens_that_follow(name: str) -> None:
    predictor = small(name)
    targets = torch.tensor([[1, 2, 3, 4]])
    other = torch.tensor([[1, 2, 6, 5]])
    torch.testing.assert_close(predictor(targets)[:, :3], predictor(other)[:, :3])
    assert not torch.allclose(predictor(targets)[:, 3], predictor(other)[:, 3])


@pytest.mark.parametrize("name", sorted(PREDICTORS))
def test_no_tokens_give_the_row_of_the_start(name: str) -> None:
    assert small(name)(torch.zeros(2, 0, dtype=torch.int64)).shape[:2] == (2, 1)


def test_the_stateless_predictor_forgets_all_but_its_context() -> None:
    predictor = small("stateless")
    one, other = predictor(torch.tensor([[1, 2, 3, 4, 5]])), predictor(torch.tensor([[6, 6, 3, 4, 5]]))
    torch.testing.assert_close(one[:, 5], other[:, 5])
    assert not torch.allclose(one[:, 4], other[:, 4])


def test_parameters_of_the_usual_stateless_predictor() -> None:
    """Embedding 500 x 512, and for each of 512 outputs 4 inputs x 2 tokens."""
    assert sum(p.numel() for p in StatelessPredictor(500).parameters()) == 500 * 512 + 512 * 4 * 2


@pytest.mark.parametrize(
    ("kind", "options"), [(StatelessPredictor, {"dim": 6}), (StatelessPredictor, {"context": 0}), (LSTMPredictor, {"layers": 0})]
)
def test_impossible_sizes_are_refused(kind: type[Predictor], options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        kind(7, **options)
