"""Neural transducers as a whole: what a block may see, blindness to the batch, and 32 utterances learned by heart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spelled_sounds import FEATURES, TABLE, corpus, knows
from tympan.errors import RecipeError
from tympan.models import NeuralTransducerModel, build_neural_transducer
from tympan.models.families import build_model
from tympan.training.block_alignment import with_edges
from tympan.training.recipe import NeuralTransducerRecipe, TrainingRecipe
from tympan.training.tasks.neural_transducer import NeuralTransducerTask

STEPS, CHECK_EVERY = 600, 25
LISTENER: dict[str, Any] = {"name": "pyramidal_blstm", "dim": 24, "pyramid": 2}
SPELLER: dict[str, Any] = {"dim": 32, "embedding_dim": 12, "attention_dim": 16}
BLOCK: dict[str, Any] = {"frames": 3, "back": 2, "tokens": 6}
CASES: dict[str, dict[str, Any]] = {
    "mlp": {"encoder": LISTENER, "decoder": {**SPELLER, "heads": 2}, "block": BLOCK},
    "dot": {"encoder": LISTENER, "decoder": {**SPELLER, "attention": "dot", "layers": 2}, "block": {**BLOCK, "back": 0}},
}


def network(seed: int = 0, case: str = "mlp") -> NeuralTransducerModel:
    torch.manual_seed(seed)
    return build_neural_transducer(CASES[case], FEATURES, len(TABLE)).eval()


def test_a_block_sees_itself_and_what_lies_shortly_before() -> None:
    model, encoded, lengths = network(), torch.randn(1, 11, 48), torch.tensor([11])
    said, blocks = with_edges([1, 2, 3, 4, 1], [0, 0, 1, 2, 3], 4)
    read, places = torch.tensor([said]), torch.tensor([blocks])
    with torch.no_grad():
        whole = model.spell(encoded, lengths, read, places)
        for frame in range(11):
            other = encoded.clone()
            other[0, frame] += 1.0
            changed = (model.spell(other, lengths, read, places) != whole).any(dim=2)[0].tolist()
            first = next((index for index, block in enumerate(blocks) if 3 * block - 2 <= frame < 3 * block + 3), None)
            assert changed.index(True) == first


@pytest.mark.parametrize("case", CASES)
def test_an_utterance_is_the_same_alone_and_among_longer_ones(case: str) -> None:
    model, lengths = network(1, case), torch.tensor([7, 14, 0])
    encoded = torch.randn(3, 14, 48)
    text, blocks = [1, 2, 3], [0, 1, 2]
    with torch.no_grad():
        pairs = [with_edges(text, [min(block, count - 1) for block in blocks], count) for count in (3, 5)]
        read = torch.tensor([said + [0] * (8 - len(said)) for said, _ in pairs] + [[0] * 8])
        places = torch.tensor([own + [0] * (8 - len(own)) for _, own in pairs] + [[0] * 8])
        together = model.spell(encoded, lengths, read, places)
        alone = model.spell(encoded[:1, :7], lengths[:1], read[:1, :6], places[:1, :6])
        torch.testing.assert_close(together[:1, :6], alone, rtol=1e-5, atol=1e-5)
        texts = model.greedy(encoded, lengths)
        assert texts[2] == [] and texts[0] == model.greedy(encoded[:1, :7], lengths[:1])[0]


def test_greedy_says_no_more_in_a_block_than_it_may() -> None:
    model = network(2)
    with torch.no_grad():
        model.speller.output.bias[0] -= 100  # never wants to end a block
        assert [len(text) for text in model.greedy(torch.randn(2, 7, 48), torch.tensor([7, 3]))] == [18, 6]


def test_it_is_built_by_its_family_and_tells_what_cannot_be() -> None:
    assert isinstance(build_model({"family": "neural-transducer", **CASES["mlp"]}, FEATURES, 5), NeuralTransducerModel)
    for changed, message in (
        ({"decoder": {"attention": "location"}}, r"model\.decoder\.attention: location cannot be heard in blocks"),
        ({"block": {"frames": 0}}, r"model\.block: frames 0 and tokens 12 must be at least 1"),
        ({"block": {"size": 3}}, r"model\.block\.size: no such key"),
    ):
        with pytest.raises(RecipeError, match=message):
            build_neural_transducer({**CASES["mlp"], **changed}, FEATURES, 5)


def steps_to_zero_wer(case: str, seed: int) -> int:
    """Optimiser steps until the greedy texts are right; more than `STEPS` if they never are."""
    model, heard = network(seed, case).train(), corpus(seed)
    recipe = TrainingRecipe(neural_transducer=NeuralTransducerRecipe(label_smoothing=0.0, realign_from=0.5))
    task, optimizer = NeuralTransducerTask(model, TABLE, recipe, STEPS), torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(1, STEPS + 1):
        loss = task.loss(heard.part(torch.randperm(32)[:16].tolist()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        task.optimizer_steps = step
        if step % CHECK_EVERY == 0 and step > STEPS / 2 and knows(task.eval(), heard):  # by its own alignment too
            return step
        task.train()
    return STEPS + 1


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_it_learns_32_utterances_by_heart(case: str) -> None:
    assert min(steps_to_zero_wer(case, seed) for seed in (0, 1)) <= STEPS
