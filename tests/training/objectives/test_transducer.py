"""The transducer's loss against the sum over all alignments, one by one, and its gradient against finite differences."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tympan.errors import ShapeError
from tympan.training.objectives.transducer import lattice_bytes, lattice_scores, transducer_loss


def random_lattice(
    seed: int, batch: int, frames: int, tokens: int, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(batch, frames, tokens + 1, 3, generator=generator, dtype=dtype)
    log_probs = logits.log_softmax(-1)
    return log_probs[..., 0].clone(), log_probs[:, :, :-1, 1].clone()


def sum_over_alignments(blank: np.ndarray, label: np.ndarray, frames: int, tokens: int) -> float:
    """log of the sum over all orders of `frames` blanks, the last one at the end, and `tokens` labels."""
    scores = []
    for writes in combinations(range(frames + tokens - 1), tokens):
        t = u = 0
        score = 0.0
        for step in range(frames + tokens):
            if step in writes:
                score += label[t, u]
                u += 1
            else:
                score += blank[t, u]
                t += 1
        scores.append(score)
    return float(np.logaddexp.reduce(scores))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), sizes=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=4))
def test_the_loss_sums_over_all_alignments(seed: int, sizes: list[tuple[int, int]]) -> None:
    frames, tokens = (max(column) for column in zip(*sizes, strict=True))
    blank, label = random_lattice(seed, len(sizes), frames, tokens)
    loss = transducer_loss(blank, label, *(torch.tensor(column) for column in zip(*sizes, strict=True)))
    wanted = [-sum_over_alignments(blank[i].numpy(), label[i].numpy(), *size) for i, size in enumerate(sizes)]
    np.testing.assert_allclose(loss.numpy(), wanted, rtol=1e-9)


def test_a_lattice_of_two_frames_and_one_token_worked_by_hand() -> None:
    blank = torch.tensor([[[0.5, 0.25], [0.125, 0.5]]]).log()
    label = torch.tensor([[[0.5], [0.75]]]).log()
    # token in frame 0: 1/2 * 1/4 * 1/2; token in frame 1: 1/2 * 3/4 * 1/2
    loss = transducer_loss(blank, label, torch.tensor([2]), torch.tensor([1]))
    assert loss.item() == pytest.approx(-np.log(1 / 16 + 3 / 16), abs=1e-6)


def test_the_gradient_equals_finite_differences() -> None:
    blank, label = (part.requires_grad_() for part in random_lattice(1, 3, 4, 3))
    lengths, target_lengths = torch.tensor([4, 2, 3]), torch.tensor([2, 3, 0])
    assert torch.autograd.gradcheck(lambda b, n: transducer_loss(b, n, lengths, target_lengths), (blank, label))


def test_the_gradient_of_a_blank_and_a_label_is_how_often_the_alignments_pass_them() -> None:
    blank, label = (part.requires_grad_() for part in random_lattice(2, 2, 5, 3))
    lengths, target_lengths = torch.tensor([5, 3]), torch.tensor([3, 2])
    transducer_loss(blank, label, lengths, target_lengths).sum().backward()
    assert blank.grad is not None and label.grad is not None
    torch.testing.assert_close(-blank.grad.sum((1, 2)), lengths.double())  # every alignment has one blank a frame
    torch.testing.assert_close(-label.grad.sum((1, 2)), target_lengths.double())


def test_what_stands_in_the_padding_changes_nothing() -> None:
    blank, label = random_lattice(3, 2, 6, 4, torch.float32)
    lengths, target_lengths = torch.tensor([6, 3]), torch.tensor([4, 2])
    wanted = transducer_loss(blank[1:, :3, :3], label[1:, :3, :2], lengths[1:], target_lengths[1:])
    blank[1, 3:], blank[1, :, 3:], label[1, 3:], label[1, :, 2:] = torch.nan, torch.inf, torch.nan, -torch.inf
    blank.requires_grad_()
    loss = transducer_loss(blank, label, lengths, target_lengths)
    torch.testing.assert_close(loss[1:], wanted)
    loss.sum().backward()
    assert blank.grad is not None and torch.isfinite(blank.grad).all()
    assert not blank.grad[1, 3:].any() and not blank.grad[1, :, 3:].any()


def test_a_long_utterance_stays_finite_in_single_precision() -> None:
    blank, label = random_lattice(4, 1, 300, 60, torch.float32)
    single = transducer_loss(blank, label, torch.tensor([300]), torch.tensor([60]))
    double = transducer_loss(blank.double(), label.double(), torch.tensor([300]), torch.tensor([60]))
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=0)


def test_half_precision_is_summed_in_single() -> None:
    blank, label = (part.bfloat16() for part in random_lattice(5, 1, 20, 5, torch.float32))
    loss = transducer_loss(blank, label, torch.tensor([20]), torch.tensor([5]))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, transducer_loss(blank.float(), label.float(), torch.tensor([20]), torch.tensor([5])))


@pytest.mark.parametrize("chunk", [0, 1, 2, 3])
def test_scores_in_chunks_are_those_of_the_whole_batch_with_the_same_gradient(chunk: int) -> None:
    generator = torch.Generator().manual_seed(6)
    encoded, predicted = torch.randn(3, 5, 4, generator=generator), torch.randn(3, 4, 4, generator=generator)
    weight = torch.randn(6, 4, generator=generator)
    targets = torch.tensor([[1, 2, 3], [4, 4, 0], [5, 0, 0]])
    lengths, target_lengths = torch.tensor([5, 4, 2]), torch.tensor([3, 2, 1])

    def gradient(chunk: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        own = weight.clone().requires_grad_()

        def join(e: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
            return torch.tanh(e + p) @ own.T

        if chunk is None:
            log_probs = join(encoded[:, :, None], predicted[:, None]).log_softmax(-1)
            label = log_probs[:, :, :-1].gather(3, targets[:, None, :, None].expand(-1, 5, -1, 1))[..., 0]
            loss = transducer_loss(log_probs[..., 0], label, lengths, target_lengths)
        else:
            loss = transducer_loss(
                *lattice_scores(join, encoded, predicted, lengths, targets, target_lengths, chunk=chunk), lengths, target_lengths
            )
        loss.sum().backward()
        assert own.grad is not None
        return loss.detach(), own.grad

    for got, wanted in zip(gradient(chunk), gradient(None), strict=True):
        torch.testing.assert_close(got, wanted)


def test_the_memory_of_a_lattice_is_told_in_bytes() -> None:
    assert lattice_bytes(16, 400, 100, 500) == 16 * 400 * 101 * 500 * 4


@pytest.mark.parametrize(
    ("lengths", "target_lengths", "part"),
    [([0, 3], [1, 1], "must be 1 to 3 frames"), ([3, 4], [1, 1], "must be 1 to 3 frames"), ([3, 3], [1, 3], "there are 2 tokens")],
)
def test_impossible_lengths_are_told(lengths: list[int], target_lengths: list[int], part: str) -> None:
    with pytest.raises(ShapeError, match=part):
        transducer_loss(*random_lattice(7, 2, 3, 2), torch.tensor(lengths), torch.tensor(target_lengths))


def test_a_label_for_every_state_is_refused() -> None:
    blank, _ = random_lattice(8, 1, 3, 2)
    with pytest.raises(ShapeError, match=r"\(B, T, U \+ 1\)"):
        transducer_loss(blank, blank, torch.tensor([3]), torch.tensor([2]))
