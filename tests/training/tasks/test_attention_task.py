"""The loss of attention models by hand, its parts, and what a validation hears."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tympan.data.torch_batches import Batch
from tympan.models import AttentionModel, build_attention
from tympan.tokens import TokenTable
from tympan.training.objectives import ctc_loss
from tympan.training.recipe import AttentionRecipe, TrainingRecipe
from tympan.training.tasks.attention import AttentionTask, padded_targets, spelling_loss
from tympan.training.validation import Heard

TABLE = TokenTable.from_texts(["ab c"])
FEATURES = 6


def model(**options: Any) -> AttentionModel:
    torch.manual_seed(0)
    encoder = {"name": "pyramidal_blstm", "dim": 4, "pyramid": 1}
    decoder = {"dim": 6, "embedding_dim": 3, "attention_dim": 4, "filters": 2, "kernel": 3}
    return build_attention({"encoder": encoder, "decoder": decoder, **options}, FEATURES, len(TABLE))


def batch(texts: list[str], frames: list[int]) -> Batch:
    torch.manual_seed(1)
    features = torch.nn.utils.rnn.pad_sequence([torch.randn(count, FEATURES) for count in frames], batch_first=True)
    tokens = [TABLE.encode(text) for text in texts]
    flat = torch.tensor([token for row in tokens for token in row], dtype=torch.int64)
    return Batch(features, torch.tensor(frames), flat, torch.tensor([len(row) for row in tokens]), texts, [*texts], 1.0)


def task(network: AttentionModel, **attention: Any) -> AttentionTask:
    return AttentionTask(network, TABLE, TrainingRecipe(attention=AttentionRecipe(**attention)), 100)


def test_spelling_costs_each_token_and_the_end_as_worked_by_hand() -> None:
    log_probs = torch.tensor(
        [[[0.1, 0.7, 0.2], [0.5, 0.25, 0.25], [0.9, 0.05, 0.05]], [[0.6, 0.2, 0.2], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]]]
    ).log()
    targets, lengths = padded_targets(torch.tensor([1, 2]), torch.tensor([2, 0])), torch.tensor([2, 0])
    assert targets.tolist() == [[1, 2], [0, 0]]
    expected = -(torch.tensor([0.7, 0.25, 0.9, 0.6]).log().sum())
    torch.testing.assert_close(spelling_loss(log_probs, targets, lengths), expected)
    smooth = 0.9 * expected - 0.1 * torch.cat((log_probs[0], log_probs[1, :1])).mean(dim=1).sum()
    torch.testing.assert_close(spelling_loss(log_probs, targets, lengths, 0.1), smooth)


@pytest.mark.parametrize("weight", [0.3, 0.75])
def test_loss_is_the_mixture_of_speller_and_ctc_over_tokens(weight: float) -> None:
    network, heard = model(), batch(["ab", "c a"], [12, 15])
    found = task(network, ctc_weight=weight, label_smoothing=0.0, scheduled_sampling=0.0).loss(heard)
    log_probs, lengths = network.frame_log_probs(heard.features, heard.lengths) or (torch.zeros(0), torch.zeros(0))
    ctc = ctc_loss(log_probs, lengths, heard.tokens, heard.token_lengths) * lengths.sum()
    spelled, _ = network(heard.features, heard.lengths, padded_targets(heard.tokens, heard.token_lengths))
    own = [[*TABLE.encode(text), 0] for text in heard.texts]
    spelling = -sum(spelled[row, place, token] for row, tokens in enumerate(own) for place, token in enumerate(tokens))
    torch.testing.assert_close(found, ((1 - weight) * spelling + weight * ctc) / 7)


def test_halves_of_a_batch_weighted_by_what_they_are_divided_by_are_the_whole() -> None:
    whole, heard = task(model(), label_smoothing=0.1, scheduled_sampling=0.0), batch(["ab", "c a", "", "b"], [12, 15, 4, 9])
    halves = [heard.part([0, 2]), heard.part([1, 3])]
    total = sum(whole.loss(half) * whole.divisor(half) for half in halves) / whole.divisor(heard)
    torch.testing.assert_close(whole.loss(heard), total)


def test_without_a_head_there_is_spelling_alone_and_with_one_three_tenths_are_ctc() -> None:
    assert task(model(ctc_head=False)).ctc_weight == 0.0
    assert task(model()).ctc_weight == 0.3
    heard = batch(["ab"], [9])
    bare = task(model(ctc_head=False), label_smoothing=0.0, scheduled_sampling=0.0)
    found = Heard()
    with torch.no_grad():
        bare.hear(heard, found)
    assert bare.loss(heard).item() == pytest.approx(found.loss / found.frames, abs=1e-6)
    assert found.emission is None


@pytest.mark.parametrize(
    ("ramp", "step", "probability"), [(0.0, 0, 0.4), (0.5, 0, 0.0), (0.5, 25, 0.2), (0.5, 50, 0.4), (0.5, 90, 0.4), (1.0, 50, 0.2)]
)
def test_sampling_rises_over_its_share_of_the_steps(ramp: float, step: int, probability: float) -> None:
    ramped = task(model(), scheduled_sampling=0.4, sampling_ramp=ramp)
    ramped.optimizer_steps = step
    assert ramped.sampling() == pytest.approx(probability)


def test_a_validation_writes_what_the_speller_would_and_knows_no_sampling() -> None:
    network, heard = model().eval(), batch(["ab", "c a"], [12, 15])
    found = Heard()
    once = task(network, scheduled_sampling=0.9)
    with torch.no_grad():
        once.hear(heard, found)
        encoded, lengths = network.encoder(heard.features, heard.lengths)
        written = network.speller.greedy(encoded, lengths, torch.tensor([5, 6]))
    assert found.pairs == [("ab", TABLE.decode(written[0])), ("c a", TABLE.decode(written[1]))]
    assert found.frames == 7 and found.emission is not None and found.emission.log_probs.shape == (6, len(TABLE))


def test_an_empty_transcript_is_an_end_and_nothing_else() -> None:
    network = model(ctc_head=False)
    heard = batch([""], [6])
    loss = task(network, label_smoothing=0.0).loss(heard)
    log_probs, _ = network(heard.features, heard.lengths, torch.zeros(1, 0, dtype=torch.int64))
    torch.testing.assert_close(loss, -log_probs[0, 0, 0])
