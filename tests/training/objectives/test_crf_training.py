"""From a CTC start, CTC-CRF lowers its objective, keeps what was learnt by heart, and gives outputs that all decoders take."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tympan.data.torch_batches import Batch
from tympan.decoding import BeamDecoder
from tympan.models import CTCModel, build
from tympan.tokens import TokenTable
from tympan.training.objectives import CTCCRF, build_objective
from tympan.training.recipe import TrainingRecipe
from tympan.training.tasks.ctc import CTCTask

TABLE = TokenTable(("<blank>", "a", "b", "c", "d"), "phones")
TEXTS = ["a b c a", "b b d", "d c b a", "", "a a b b", "c a d", "d d d a", "b c"]
FRAMES = 12  # input frames for a token, three after subsampling


def said() -> Batch:
    """Each token as its own bands over some frames, pauses of other lengths between them, with noise."""
    generator = torch.Generator().manual_seed(0)
    voices = torch.randn(len(TABLE), 8, generator=generator)
    rows = []
    for number, text in enumerate(TEXTS):
        row = [voices[:1].expand(8 + number, -1)]
        for token in TABLE.encode(text):
            row += [voices[token : token + 1].expand(FRAMES, -1), voices[:1].expand(4 + number % 5, -1)]
        rows.append(torch.cat(row))
    lengths = torch.tensor([len(row) for row in rows])
    features = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    features = features + 0.3 * torch.randn(features.shape, generator=generator)
    tokens = torch.tensor([token for text in TEXTS for token in TABLE.encode(text)])
    return Batch(features, lengths, tokens, torch.tensor([len(text.split()) for text in TEXTS]), TEXTS, TEXTS, 1.0)


def train(model: CTCModel, batch: Batch, steps: int, **options: object) -> list[float]:
    """The losses of `steps` steps."""
    recipe = TrainingRecipe.model_validate({"learning_rate": 5e-3, "schedule": "constant", "warmup_share": 0.0, **options})
    objective = build_objective(recipe.objective, len(TABLE), [TABLE.encode(text) for text in TEXTS])
    task = CTCTask(model, TABLE, recipe, steps, objective)
    optimizer = task.configure_optimizers()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = task.loss(batch)
        loss.backward()
        task.shorten_gradients()
        task.update(optimizer)
        losses.append(loss.item())
    return losses


def crf(**options: float) -> CTCCRF:
    recipe = TrainingRecipe.model_validate({"objective": {"kind": "ctc-crf", "order": 3, **options}})
    objective = build_objective(recipe.objective, len(TABLE), [TABLE.encode(text) for text in TEXTS])
    assert isinstance(objective, CTCCRF)
    return objective


@pytest.fixture(scope="module")
def start() -> dict[str, torch.Tensor]:
    """The weights of a network that CTC taught the texts by heart."""
    torch.manual_seed(0)
    model = network()
    train(model, said(), 120)
    return model.state_dict()


def network() -> CTCModel:
    encoder = {"name": "conformer", "dim": 32, "layers": 1, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4, "dropout": 0.0}
    return build({"encoder": encoder, "head": {}, "condition": False}, 8, len(TABLE))


def outputs(model: CTCModel, batch: Batch) -> list[np.ndarray]:
    model.eval()
    with torch.no_grad():
        log_probs, lengths = model(batch.features, batch.lengths)
    return [row[:length].numpy() for row, length in zip(log_probs, lengths.tolist(), strict=True)]


def test_crf_goes_on_from_ctc(start: dict[str, torch.Tensor]) -> None:
    batch, model = said(), network()
    model.load_state_dict(start)
    recipe = TrainingRecipe()
    assert CTCTask(model, TABLE, recipe, 1).validate([batch]).wer == 0
    losses = train(model.train(), batch, 60, objective={"kind": "ctc-crf", "order": 3, "ctc_weight": 0.0}, learning_rate=1e-3)
    assert 0 < losses[-1] < 0.5 * losses[0]
    for objective in (None, crf(ctc_weight=0.0)):
        assert CTCTask(model, TABLE, recipe, 1, objective).validate([batch]).wer == 0


def test_outputs_after_crf_are_log_probs_that_the_beam_search_takes(start: dict[str, torch.Tensor]) -> None:
    batch, model = said(), network()
    model.load_state_dict(start)
    train(model.train(), batch, 60, objective={"kind": "ctc-crf", "order": 3}, learning_rate=1e-3)
    found = outputs(model, batch)
    for row in found:
        np.testing.assert_allclose(np.exp(row).sum(axis=1), 1, atol=1e-5)
    assert [hypotheses[0].text for hypotheses in BeamDecoder(TABLE).decode_batch(found)] == TEXTS


def test_denominator_of_what_was_learnt_by_heart_is_hardly_more_than_the_numerator(start: dict[str, torch.Tensor]) -> None:
    """P(text | audio) of the CRF: nearly one after its training, and the search's best score is about the denominator's."""
    batch, model = said(), network()
    model.load_state_dict(start)
    options = {"kind": "ctc-crf", "order": 3, "ctc_weight": 0.0}
    losses = train(model.train(), batch, 150, objective=options, learning_rate=2e-3)
    assert losses[-1] < 0.01
    objective = crf()
    for row, text in zip(outputs(model, batch), TEXTS, strict=True):
        log_z = objective.denominator(torch.from_numpy(row)[None], torch.tensor([len(row)]))
        (best,) = BeamDecoder(TABLE).decode(row)
        joint = best.acoustic_score + objective.denominator.graph.log_probability(TABLE.encode(text))
        assert best.text == text and joint <= float(log_z) + 1e-3
        assert joint == pytest.approx(float(log_z), abs=0.5)
