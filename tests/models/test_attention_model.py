"""Attention models as a whole: built from a description, blind to their batch, and able to learn 32 utterances by heart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spelled_sounds import FEATURES, TABLE, corpus, knows
from tympan.errors import RecipeError
from tympan.models import build_attention
from tympan.models.families import build_model
from tympan.training.recipe import AttentionRecipe, TrainingRecipe
from tympan.training.tasks.attention import AttentionTask

STEPS, CHECK_EVERY = 800, 25
LISTENER: dict[str, Any] = {"name": "pyramidal_blstm", "dim": 24, "pyramid": 2}
SPELLER: dict[str, Any] = {"dim": 32, "embedding_dim": 12, "attention_dim": 16, "filters": 4, "kernel": 9}
CASES: dict[str, dict[str, Any]] = {
    "location_ctc": {"encoder": LISTENER, "decoder": SPELLER},
    "mlp_heads": {"encoder": LISTENER, "decoder": {**SPELLER, "attention": "mlp", "heads": 2, "layers": 2}, "ctc_head": False},
    "dot": {"encoder": LISTENER, "decoder": {**SPELLER, "attention": "dot"}, "ctc_head": False},
    "very_deep_cnn": {"encoder": {"name": "very_deep_cnn", "channels": 2, "blocks": 1, "layers": 1, "dim": 16}, "decoder": SPELLER},
    "conformer": {
        "encoder": {"name": "conformer", "dim": 24, "layers": 1, "heads": 2, "kernel": 5, "dropout": 0.0, "subsampling": 4},
        "decoder": SPELLER,
    },
}


def steps_to_zero_wer(case: str, seed: int) -> int:
    """Optimiser steps until the greedy texts are right; more than `STEPS` if they never are."""
    torch.manual_seed(seed)
    model, heard = build_attention(CASES[case], FEATURES, len(TABLE)), corpus(seed)
    recipe = TrainingRecipe(attention=AttentionRecipe(label_smoothing=0.0, scheduled_sampling=0.1))
    task, optimizer = AttentionTask(model, TABLE, recipe, STEPS), torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(1, STEPS + 1):
        loss = task.loss(heard.part(torch.randperm(32)[:16].tolist()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % CHECK_EVERY == 0 and knows(task.eval(), heard):
            return step
        task.train()
    return STEPS + 1


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_thirty_two_utterances_are_learnt_by_heart(case: str, seed: int) -> None:
    assert steps_to_zero_wer(case, seed) <= STEPS


@pytest.mark.parametrize("case", CASES)
def test_an_utterance_does_not_know_its_batch(case: str) -> None:
    torch.manual_seed(0)
    model, heard = build_attention(CASES[case], FEATURES, len(TABLE)).eval(), corpus(0).part([0, 1, 2])
    targets = torch.randint(1, len(TABLE), (3, 5))
    together, lengths = model(heard.features, heard.lengths, targets)
    row = int(heard.lengths.argmin())
    one, frames = slice(row, row + 1), int(heard.lengths[row])
    alone, count = model(heard.features[one, :frames], heard.lengths[one], targets[one])
    torch.testing.assert_close(together[one], alone, atol=1e-5, rtol=0)
    assert lengths[row] == count[0] == model.output_lengths(heard.lengths)[row]
    emitted, single = (
        model.frame_log_probs(heard.features, heard.lengths),
        model.frame_log_probs(heard.features[one, :frames], heard.lengths[one]),
    )
    assert (emitted is None) == (model.head is None)
    if emitted is not None and single is not None:
        torch.testing.assert_close(emitted[0][one, : int(single[1][0])], single[0], atol=1e-5, rtol=0)


def test_slices_of_the_state_belong_to_tokens() -> None:
    model = build_attention({**CASES["location_ctc"], "head": {"hidden": 7}}, FEATURES, 9)
    axes = model.token_axes()
    assert all(model.state_dict()[name].shape[axis] == 9 for name, axis in axes.items())
    other = build_attention({**CASES["location_ctc"], "head": {"hidden": 7}}, FEATURES, 8).state_dict()
    assert {name for name, weight in model.state_dict().items() if weight.shape != other[name].shape} == set(axes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"decoder": {"attention": "self"}}, "model.decoder: attention 'self' is none of dot, mlp, location"),
        ({"decoder": {"depth": 2}}, "model.decoder.depth: no such key"),
        ({"decoder": {"heads": 5}}, "model.decoder: attention_dim 256"),
        ({"head": {"hidden": 4}, "ctc_head": False}, "model.head has no effect with model.ctc_head: false"),
        ({"encoder": {**CASES["conformer"]["encoder"], "layers": 2, "taps": [1]}}, "taps have no effect"),
    ],
)
def test_impossible_descriptions_are_told_by_their_path(change: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        build_model({"family": "attention", "encoder": LISTENER, **change}, FEATURES, len(TABLE))
