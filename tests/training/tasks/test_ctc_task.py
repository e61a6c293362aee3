"""The CTC loss and its limits, by brute force; validation by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.models import CTCModel, build
from tympan.tokens import TokenTable
from tympan.training.objectives import CTC
from tympan.training.recipe import TrainingRecipe
from tympan.training.tasks.ctc import CTCTask, ctc_loss, disagreement, impossible

TINY_CONFORMER = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4}


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in groupby(path) if token)


def brute_force(log_probs: np.ndarray, target: tuple[int, ...]) -> float:
    """-log of the sum over every path that collapses to `target`."""
    paths = product(range(log_probs.shape[1]), repeat=len(log_probs))
    scores = [sum(log_probs[t, token] for t, token in enumerate(path)) for path in paths if collapse(path) == target]
    return -float(np.logaddexp.reduce(scores)) if scores else np.inf


def batch_of(rows: list[torch.Tensor], targets: list[tuple[int, ...]]) -> tuple[torch.Tensor, ...]:
    """Padded log_probs (B, T, V), lengths, joined tokens, token lengths."""
    log_probs = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    tokens = torch.tensor([token for target in targets for token in target], dtype=torch.int64)
    return log_probs, torch.tensor([len(row) for row in rows]), tokens, torch.tensor([len(target) for target in targets])


def random_rows(*frames: int, num_tokens: int = 3) -> list[torch.Tensor]:
    torch.manual_seed(sum(frames))
    return [torch.log_softmax(2 * torch.randn(count, num_tokens), dim=-1) for count in frames]


@pytest.mark.parametrize("target", [(), (1,), (2,), (1, 2), (1, 1), (2, 2, 1), (1, 1, 1), (1, 2, 1, 2), (2, 2, 2)])
@pytest.mark.parametrize("frames", [1, 2, 3, 5, 7])
def test_loss_is_the_sum_over_all_paths(target: tuple[int, ...], frames: int) -> None:
    (row,) = random_rows(frames)
    expected = brute_force(row.double().numpy(), target)
    found = float(ctc_loss(*batch_of([row], [target])))
    assert found == pytest.approx(expected / frames if np.isfinite(expected) else 0.0, abs=1e-5)


def test_loss_of_a_batch_is_the_sum_divided_by_its_frames() -> None:
    rows, targets = random_rows(4, 6, 2, 5), [(1, 2), (2, 2), (), (1, 1, 1)]
    expected = sum(brute_force(row.double().numpy(), target) for row, target in zip(rows, targets, strict=True)) / 17
    assert float(ctc_loss(*batch_of(rows, targets))) == pytest.approx(expected, abs=1e-5)


def test_empty_transcript_costs_all_blanks_and_its_gradient_is_finite() -> None:
    (row,) = random_rows(6)
    logits = row.clone().requires_grad_()
    loss = ctc_loss(*batch_of([torch.log_softmax(logits, dim=-1)], [()]))
    assert loss.item() == pytest.approx(-float(row[:, 0].sum()) / 6, abs=1e-6)
    loss.backward()
    assert logits.grad is not None
    expected = (row.exp() - torch.tensor([1.0, 0.0, 0.0])) / 6  # softmax minus the one path
    torch.testing.assert_close(logits.grad, expected)


def test_gradient_of_a_mixed_batch_is_finite_and_zero_on_padding() -> None:
    rows = random_rows(6, 3, 1, 4)
    log_probs, lengths, tokens, token_lengths = batch_of(rows, [(1, 2), (), (), (1, 1, 1, 2)])
    lengths[2] = 0  # no frame at all, and a transcript that does not fit into four
    log_probs.requires_grad_()
    loss = ctc_loss(log_probs, lengths, tokens, token_lengths)
    expected = sum(brute_force(row.double().numpy(), target) for row, target in zip(rows[:2], [(1, 2), ()], strict=True)) / 13
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    loss.backward()
    assert log_probs.grad is not None and torch.isfinite(log_probs.grad).all()
    assert not log_probs.grad[1, 3:].any() and not log_probs.grad[2].any() and not log_probs.grad[3].any()


def test_gradient_is_that_of_the_brute_force_sum() -> None:
    (row,) = random_rows(4)
    log_probs = row.double().requires_grad_()
    paths = [path for path in product(range(3), repeat=4) if collapse(path) == (1, 2)]
    scores = torch.stack([torch.stack([log_probs[t, token] for t, token in enumerate(path)]).sum() for path in paths])
    (expected,) = torch.autograd.grad(-torch.logsumexp(scores, dim=0) / 4, log_probs)
    mine = row.clone().requires_grad_()
    logits = torch.log_softmax(mine, dim=-1)
    ctc_loss(*batch_of([logits], [(1, 2)])).backward()
    assert mine.grad is not None
    through_softmax = expected - row.double().exp() * expected.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(mine.grad.double(), through_softmax, atol=1e-6, rtol=0)


@pytest.mark.parametrize("num_tokens", [2, 3])
def test_impossible_is_what_no_path_can_spell(num_tokens: int) -> None:
    """Exhaustive: every target of up to five tokens in up to seven frames."""
    for frames in range(8):
        spelled = {collapse(path) for path in product(range(num_tokens), repeat=frames)}
        targets = [target for count in range(6) for target in product(range(1, num_tokens), repeat=count)]
        tokens = torch.tensor([token for target in targets for token in target])
        found = impossible(torch.full((len(targets),), frames), tokens, torch.tensor([len(target) for target in targets]))
        assert found == [index for index, target in enumerate(targets) if target not in spelled]


def test_impossible_of_no_tokens_at_all_is_nobody() -> None:
    assert impossible(torch.tensor([0, 5]), torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0])) == []


TABLE = TokenTable.from_texts(["ab c"])


class Told(nn.Module):
    """A network that says what it is told: each frame's first feature is its token."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return lengths

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.scale * nn.functional.one_hot(features[..., 0].long(), len(TABLE))
        return torch.log_softmax(logits, dim=-1), lengths


def batch(paths: list[list[int]], texts: list[str]) -> Batch:
    features = nn.utils.rnn.pad_sequence([torch.tensor(path, dtype=torch.float32) for path in paths], batch_first=True)[..., None]
    tokens = [TABLE.encode(text) for text in texts]
    return Batch(
        features,
        torch.tensor([len(path) for path in paths]),
        torch.tensor([index for encoded in tokens for index in encoded], dtype=torch.int64),
        torch.tensor([len(encoded) for encoded in tokens]),
        texts,
        [f"u{i}" for i in range(len(texts))],
        1.0,
    )


def task(model: Any, **options: Any) -> CTCTask:
    return CTCTask(model, TABLE, TrainingRecipe(**options), 100)


def test_validation_counts_words_characters_blanks_and_loss_over_all_batches() -> None:
    a, b, c, space = (TABLE.encode(f"a{sign}a")[1] for sign in "abc ")
    batches = [
        batch([[a, 0, space, b, 0, 0], [c, c]], ["a b", "c"]),
        batch([[a, 0, a, 0]], ["ab"]),
        batch([[0, 0, 0, 0, 0]], [""]),
    ]
    validation = task(Told()).validate(batches, samples=2)
    assert validation.wer == 1 / 4  # "aa" for "ab", of the words a, b, c, ab
    assert validation.cer == 1 / 6
    assert validation.blank_share == (3 + 0 + 2 + 5) / 17
    assert validation.samples == [("a b", "a b"), ("c", "c")]
    assert validation.loss > 1  # "ab" is all but impossible


def test_validation_decodes_what_the_objective_hears() -> None:
    class Backwards(CTC):
        def heard(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return log_probs.flip(1)

    a, b = TABLE.encode("ab")
    trained = CTCTask(Told(), TABLE, TrainingRecipe(), 100, Backwards())  # type: ignore[arg-type]
    validation = trained.validate([batch([[a, 0, b]], ["ba"])])
    assert validation.wer == 0 and validation.samples == [("ba", "ba")] and validation.loss > 1


def test_the_objective_is_minimised_and_taps_by_ctc() -> None:
    class Thrice(CTC):
        def forward(self, *given: torch.Tensor) -> torch.Tensor:
            return 3 * ctc_loss(*given)

    torch.manual_seed(0)
    model, data = tiny(taps=[1]).eval(), two()
    output = model.run(data.features, data.lengths)
    final, tap = (ctc_loss(each, output.lengths, data.tokens, data.token_lengths) for each in (output.log_probs, *output.intermediate))
    trained = CTCTask(model, TABLE, TrainingRecipe(intermediate_weight=0.3), 100, Thrice())
    torch.testing.assert_close(trained.loss(data), 0.7 * 3 * final + 0.3 * tap)


def test_validation_of_the_certain_truth_costs_nothing() -> None:
    a = TABLE.encode("a")[0]
    validation = task(Told()).validate([batch([[a, 0, 0]], ["a"])])
    assert validation.wer == 0 and 0 <= validation.loss < 1e-3


def test_validation_uses_the_averaged_weights_and_gives_the_own_ones_back() -> None:
    model = Told()
    both = task(model, ema_decay=0.9)
    with torch.no_grad():
        model.scale.fill_(-20.0)  # now every hypothesis is wrong; the average still says 20
    a = TABLE.encode("a")[0]
    model.train()
    assert both.validate([batch([[a, 0, 0]], ["a"])]).wer == 0
    assert model.scale.item() == -20 and model.training


def tiny(**more: Any) -> CTCModel:
    encoder = {"name": "conformer", "dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4, "dropout": 0.0}
    return build({"encoder": {**encoder, **more}, "condition": "taps" in more}, 9, len(TABLE))


def two(frames: int = 24) -> Batch:
    torch.manual_seed(1)
    tokens = torch.tensor(TABLE.encode("ab"))
    return Batch(torch.randn(2, frames, 9), torch.tensor([frames, 4]), tokens, torch.tensor([2, 0]), ["ab", ""], ["x", "y"], 1.0)


def test_impossible_utterances_are_remembered_once() -> None:
    trained, short = task(tiny()), two(4)  # one frame for two tokens
    trained.trainer = SimpleNamespace(optimizers=[trained.configure_optimizers()])  # type: ignore[assignment]
    for _ in range(2):
        assert trained.training_step(Group([short], 1, 1), 0)["taken"].finite
    assert trained.impossible_ids == {"x"}


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9])
def test_intermediate_losses_are_mixed_by_their_weight(weight: float) -> None:
    torch.manual_seed(0)
    model = tiny(taps=[1]).eval()
    data = two()
    output = model.run(data.features, data.lengths)
    final, tap = (
        ctc_loss(log_probs, output.lengths, data.tokens, data.token_lengths) for log_probs in (output.log_probs, *output.intermediate)
    )
    assert not torch.isclose(final, tap)
    torch.testing.assert_close(task(model, intermediate_weight=weight).loss(data), (1 - weight) * final + weight * tap)


def test_encoder_is_told_of_each_step_after_the_weights_have_moved() -> None:
    told: list[tuple[int, bool]] = []
    trained = task(tiny())
    optimizer = trained.configure_optimizers()
    first = next(trained.model.parameters())
    for _ in range(2):
        before = first.detach().clone()
        trained.loss(two()).backward()
        trained.model.encoder.after_step = lambda step, before=before: told.append((step, not torch.equal(first, before)))
        trained.update(optimizer)
    assert told == [(1, True), (2, True)]


def test_biases_and_norms_are_not_decayed() -> None:
    optimized = task(tiny(), weight_decay=0.5)
    groups = optimized.configure_optimizers().param_groups
    assert [group["weight_decay"] for group in groups] == [0.5, 0.0]
    assert all(parameter.ndim > 1 for parameter in groups[0]["params"])
    assert all(parameter.ndim <= 1 for parameter in groups[1]["params"])
    assert sum(len(group["params"]) for group in groups) == len(list(optimized.parameters()))


def test_disagreement_is_the_mean_of_both_divergences_over_valid_frames() -> None:
    torch.manual_seed(1)
    first, second = (torch.log_softmax(torch.randn(2, 4, 3), dim=-1) for _ in range(2))
    lengths = torch.tensor([4, 2, 4, 2])
    expected = 0.0
    for row, frames in enumerate((4, 2)):
        p, q = first[row, :frames].exp(), second[row, :frames].exp()
        expected += float((p * (p / q).log()).sum() + (q * (q / p).log()).sum())
    assert float(disagreement(torch.cat((first, second)), lengths)) == pytest.approx(expected / 12, abs=1e-6)
    assert float(disagreement(torch.cat((first, first)), lengths)) == 0


def test_disagreement_moves_each_view_towards_the_other_and_leaves_padding() -> None:
    torch.manual_seed(3)
    logits = torch.randn(2, 3, 4, requires_grad=True)
    lengths = torch.tensor([2, 2])
    log_probs = torch.log_softmax(logits, dim=-1)
    disagreement(log_probs, lengths).backward()
    assert logits.grad is not None and not logits.grad[:, 2].any()
    expected = (log_probs[0].exp() - log_probs[1].exp())[:2] / 4  # softmax minus the target, a mean over both views' frames
    torch.testing.assert_close(logits.grad[0, :2], expected.detach())
    torch.testing.assert_close(logits.grad[1, :2], -expected.detach())


def test_consistency_is_added_only_to_two_views() -> None:
    torch.manual_seed(0)
    model = build({"encoder": TINY_CONFORMER, "head": {}}, 5, 3).eval()
    features, lengths = torch.randn(2, 32, 5), torch.tensor([32, 32])
    batch = Batch(features, lengths, torch.tensor([1, 2, 1, 2]), torch.tensor([2, 2]), ["", ""], ["a", "a"], 1.0, views=2)
    table = TokenTable(("<blank>", "a", "b"))
    losses = {
        (views, weight): CTCTask(model, table, TrainingRecipe(consistency=weight), 1).loss(replace(batch, views=views)).item()
        for views in (1, 2)
        for weight in (0.0, 0.5)
    }
    output = model.run(features, lengths)
    assert losses[1, 0.5] == losses[1, 0.0] == losses[2, 0.0]
    assert losses[2, 0.5] == pytest.approx(losses[2, 0.0] + 0.5 * disagreement(output.log_probs, output.lengths).item(), abs=1e-6)
