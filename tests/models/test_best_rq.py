"""The quantizer by hand, what is hidden, and that nothing of it is heard."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tympan.errors import RecipeError
from tympan.models.best_rq import build_best_rq, draw_hidden
from tympan.models.quantizer import RandomProjectionQuantizer

ENCODER = {"name": "conformer", "dim": 16, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4, "dropout": 0.0}
CONFIG = {"encoder": ENCODER, "quantizer": {"codes": 12, "dim": 4, "codebooks": 2}}


def test_code_is_the_nearest_row_of_the_codebook() -> None:
    torch.manual_seed(0)
    quantizer = RandomProjectionQuantizer(5, 3, codebooks=2, codes=7, dim=4)
    features = torch.randn(2, 8, 5)  # the third group of three lacks a frame, which is zero
    codes = quantizer(features, 3)
    assert codes.shape == (2, 3, 2)
    padded = np.concatenate([features.numpy(), np.zeros((2, 1, 5), np.float32)], axis=1)
    for row in range(2):
        for frame in range(3):
            stacked = padded[row, 3 * frame : 3 * frame + 3].reshape(-1)
            for book in range(2):
                projected = stacked @ quantizer.projection[book].numpy()
                projected /= np.linalg.norm(projected)
                distances = np.linalg.norm(quantizer.codebook[book].numpy() - projected, axis=1)
                assert codes[row, frame, book] == distances.argmin()


def test_quantizer_is_never_trained_and_belongs_to_the_checkpoint() -> None:
    quantizer = RandomProjectionQuantizer(5, 3, codes=7, dim=4)
    assert not list(quantizer.parameters())
    assert set(quantizer.state_dict()) == {"projection", "codebook"}
    torch.testing.assert_close(quantizer.codebook.norm(dim=2), torch.ones(1, 7))


def test_spans_begin_as_often_as_asked_and_are_as_long() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = draw_hidden(400, 100, 0.02, 5, generator)
    expected = np.mean([1 - (1 - 0.02) ** min(5, place + 1) for place in range(100)])
    assert float(hidden.float().mean()) == pytest.approx(expected, abs=0.015)  # a few rows have a span that had to be added
    assert bool(hidden.any(dim=1).all())
    runs = [len(run) for row in hidden.tolist() for run in "".join("01"[cell] for cell in row).rstrip("1").split("0") if run]
    assert min(runs) >= 5


@pytest.mark.parametrize("frames", [1, 3])
def test_utterance_shorter_than_a_span_is_hidden_whole_or_from_somewhere_on(frames: int) -> None:
    hidden = draw_hidden(20, frames, 1e-9, 10, torch.Generator().manual_seed(1))
    assert bool(hidden.any(dim=1).all())


def test_what_is_hidden_is_not_heard_and_what_is_asked_is_hidden() -> None:
    torch.manual_seed(0)
    model = build_best_rq(CONFIG, 8, 2).eval()
    features, lengths = torch.randn(2, 40, 8), torch.tensor([40, 24])
    hidden = torch.zeros(2, 10, dtype=torch.bool)
    hidden[0, 2:5] = True
    hidden[1, 4:8] = True  # the utterance has 6 encoded frames: two of these are beyond its end
    noise = torch.zeros_like(features)
    changed = features.clone()
    changed[0, 8:20] = torch.randn(12, 8)
    changed[1, 16:24] = torch.randn(8, 8)
    with torch.no_grad():
        one, other = model(features, lengths, hidden, noise), model(changed, lengths, hidden, noise)
    assert one.codes.shape == (5, 2) and one.logits.shape == (5, 2, 12)
    torch.testing.assert_close(one.logits, other.logits)  # the guesses cannot know them
    torch.testing.assert_close(one.codes, torch.cat((model.quantizer(features, 10)[0, 2:5], model.quantizer(features, 10)[1, 4:6])))
    assert not torch.equal(one.codes, other.codes)


def test_stack_is_the_encoders_subsampling() -> None:
    assert build_best_rq(CONFIG, 8, 2).quantizer.stack == 4
    assert build_best_rq({**CONFIG, "encoder": {**ENCODER, "subsampling": 8}}, 8, 2).quantizer.stack == 8


def test_impossible_quantizer_is_told_by_its_path() -> None:
    with pytest.raises(RecipeError, match=r"model\.quantizer: codebooks 0"):
        build_best_rq({"encoder": ENCODER, "quantizer": {"codebooks": 0}}, 8, 2)
    with pytest.raises(RecipeError, match=r"model\.quantizer\.width: no such key"):
        build_best_rq({"encoder": ENCODER, "quantizer": {"width": 3}}, 8, 2)
