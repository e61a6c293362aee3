"""The speller: teacher forcing is the step repeated, gradients are those of differences, sampling draws what it would have written."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tympan.models.spellers import EDGE, Speller

KINDS: list[dict[str, Any]] = [
    {"attention": "dot"},
    {"attention": "mlp", "heads": 2},
    {"attention": "location", "heads": 2, "layers": 2},
]


def speller(**options: Any) -> Speller:
    torch.manual_seed(0)
    return Speller(4, 5, **{"dim": 6, "embedding_dim": 3, "attention_dim": 4, "filters": 2, "kernel": 3, **options})


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["attention"])
def test_step_by_step_is_teacher_forcing_and_padding_changes_nothing(options: dict[str, Any]) -> None:
    model = speller(**options)
    encoded, lengths, targets = torch.randn(2, 7, 4), torch.tensor([7, 4]), torch.tensor([[1, 2, 3], [4, 0, 0]])
    together = model(encoded, lengths, targets)
    for row, count in enumerate(lengths.tolist()):
        memory = model.attention.memory(encoded[row : row + 1, :count], lengths[row : row + 1])
        state = model.start(1, memory)
        for place, token in enumerate([EDGE, *targets[row].tolist()]):
            logits, state = model.step(torch.tensor([token]), state, memory)
            torch.testing.assert_close(together[row, place], logits[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["attention"])
def test_gradients_are_those_of_differences(options: dict[str, Any]) -> None:
    model = speller(**options).double()
    encoded = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1, 2], [3, 0]])
    assert torch.autograd.gradcheck(lambda x: model(x, torch.tensor([3, 2]), targets).log_softmax(2).square().sum(), (encoded,))
    loss = model(encoded, torch.tensor([3, 2]), targets).log_softmax(2).square().sum()
    loss.backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()] == []
    weight = model.attention.key.weight
    assert weight.grad is not None
    found, step = weight.grad[1, 2].item(), 1e-6
    sides = []
    for change in (step, -step):
        with torch.no_grad():
            weight[1, 2] += change
            sides.append(model(encoded, torch.tensor([3, 2]), targets).log_softmax(2).square().sum().item())
            weight[1, 2] -= change
    assert found == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_always_sampling_reads_what_was_drawn_and_never_sampling_the_truth(seed: int) -> None:
    model = speller()
    encoded, lengths, targets = torch.randn(3, 5, 4), torch.tensor([5, 5, 2]), torch.randint(1, 5, (3, 6))
    drawn: list[torch.Tensor] = []
    draw = model.draw

    def noted(read: torch.Tensor) -> torch.Tensor:
        drawn.append(draw(read))
        return drawn[-1]

    model.draw = noted  # type: ignore[method-assign]
    torch.manual_seed(seed)
    sampled = model(encoded, lengths, targets, sampling=1.0)
    assert len(drawn) == 6
    torch.testing.assert_close(sampled, model(encoded, lengths, torch.stack(drawn, dim=1)))
    drawn.clear()
    truth = model(encoded, lengths, targets)
    assert not drawn and not torch.allclose(truth, sampled)


def test_half_of_the_tokens_are_drawn_with_probability_one_half_as_often_as_they_are_likely() -> None:
    model = speller()
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.copy_(torch.tensor([-9.0, 1.0, 0.0, -9.0, -9.0]))
    torch.manual_seed(0)
    drawn = model.draw(torch.zeros(4000, 10))
    assert (drawn == 1).float().mean().item() == pytest.approx(torch.tensor([1.0, 0.0]).softmax(0)[0].item(), abs=0.03)
    read: list[torch.Tensor] = []
    embedding = model.embedding
    embedding.register_forward_hook(lambda _, given, __: read.append(given[0]))
    model(torch.randn(400, 2, 4), torch.full((400,), 2), torch.full((400, 4), 3), sampling=0.5)
    assert len(read) == 5  # the truth at once, and a draw at each place but the first


def test_greedy_takes_the_best_token_until_the_end_or_the_limit() -> None:
    model = speller()
    encoded, lengths = torch.randn(4, 5, 4), torch.tensor([5, 3, 5, 0])
    with torch.no_grad():
        model.output.weight *= 20
    written = model.greedy(encoded, lengths, torch.tensor([9, 9, 2, 0]))
    assert len(written[2]) <= 2 and written[3] == []
    for row in range(2):
        one = slice(row, row + 1)
        best = model(encoded[one], lengths[one], torch.tensor([written[row]], dtype=torch.int64))[0].argmax(1).tolist()
        assert best[: len(written[row])] == written[row]
        assert len(written[row]) == 9 or best[-1] == EDGE


@pytest.mark.parametrize("options", [{"dim": 0}, {"layers": 0}, {"embedding_dim": 0}], ids=str)
def test_impossible_speller_is_told(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        speller(**options)
