"""Which block says which token: by a head's path, and by the model against all ways there are."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
import torch

from tympan.models import NeuralTransducerModel, build_neural_transducer
from tympan.training.block_alignment import by_ctc, realigned, with_edges

CONFIG = {
    "encoder": {"name": "pyramidal_blstm", "dim": 4, "pyramid": 1},
    "decoder": {"dim": 6, "embedding_dim": 3, "attention_dim": 4},
    "block": {"frames": 2, "back": 1, "tokens": 3},
}


def network(seed: int, *, forgetful: bool = False) -> NeuralTransducerModel:
    """A tiny one; a forgetful one's state says nothing, so that what it says hangs on the window alone."""
    torch.manual_seed(seed)
    model = build_neural_transducer(CONFIG, 5, 4).eval()
    with torch.no_grad():
        for parameter in model.speller.parameters():
            parameter *= 4
        if forgetful:
            for parameter in model.speller.cells.parameters():
                parameter.zero_()
    return model


def log_prob(model: NeuralTransducerModel, encoded: torch.Tensor, text: list[int], blocks: list[int]) -> float:
    """Of saying a text in these blocks."""
    said, places = with_edges(text, blocks, -(-encoded.shape[1] // 2))
    read = torch.tensor([said])
    with torch.no_grad():
        logits = model.spell(encoded, torch.tensor([encoded.shape[1]]), read, torch.tensor([places]))
    return float(logits.log_softmax(dim=2).gather(2, read[..., None]).sum())


def ways(count: int, tokens: int, most: int = 3) -> list[list[int]]:
    """All blocks that so many tokens can have."""
    found = [list(way) for way in combinations_with_replacement(range(count), tokens)]
    return [way for way in found if all(way.count(block) <= most for block in range(count))]


@pytest.mark.parametrize("seed", range(5))
def test_best_blocks_of_a_forgetful_model_are_those_of_brute_force(seed: int) -> None:
    model, texts = network(seed, forgetful=True), [[1, 2, 2, 3], [3], []]
    encoded, lengths = torch.randn(3, 7, 8), torch.tensor([7, 5, 4])
    near = [[0] * len(text) for text in texts]
    blocks, scores = realigned(model, encoded, lengths, texts, near)
    for row, text in enumerate(texts):
        own = encoded[row : row + 1, : lengths[row]]
        every = {tuple(way): log_prob(model, own, text, way) for way in ways(-(-int(lengths[row]) // 2), len(text))}
        assert scores[row] == pytest.approx(max(every.values()), abs=1e-4)
        assert every[tuple(blocks[row])] == pytest.approx(max(every.values()), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_score_is_that_of_saying_the_text_in_these_blocks(seed: int) -> None:
    model, encoded, text = network(seed), torch.randn(1, 8, 8), [1, 3, 2, 2, 1]
    (blocks,), (score,) = realigned(model, encoded, torch.tensor([8]), [text], [[0] * 5])
    assert score == pytest.approx(log_prob(model, encoded, text, blocks), abs=1e-4)
    assert score >= max(log_prob(model, encoded, text, way) for way in ([0, 0, 0, 1, 1], [0, 1, 1, 2, 3])) - 1.0  # nearly the best
    assert blocks == sorted(blocks)


def test_corridor_keeps_to_what_was_given() -> None:
    model, encoded, text = network(4), torch.randn(1, 8, 8), [1, 3, 2, 2, 1]
    for given in ([0, 1, 1, 2, 3], [1, 1, 2, 2, 2]):
        (kept,), _ = realigned(model, encoded, torch.tensor([8]), [text], [given], 0)
        assert kept == given
        (near,), _ = realigned(model, encoded, torch.tensor([8]), [text], [given], 1)
        assert all(abs(sum(b <= block for b in near) - sum(b <= block for b in given)) <= 1 for block in range(3))


def test_a_text_too_long_for_its_blocks_stays_where_it_was() -> None:
    given = [0, 0, 0, 0, 0, 1, 1]
    (blocks,), (score,) = realigned(network(0), torch.randn(1, 4, 8), torch.tensor([4]), [[1] * 7], [given])
    assert blocks == given and score == -torch.inf


def test_the_head_has_a_token_where_it_ends() -> None:
    log_probs = torch.full((8, 3), -10.0)
    for frame, token in enumerate([0, 1, 1, 0, 2, 2, 2, 0]):
        log_probs[frame, token] = 0.0
    assert by_ctc(log_probs, 2, 4, [1, 2]) == [1, 3]
    assert by_ctc(log_probs, 4, 2, [1, 2]) == [0, 1]
    assert by_ctc(log_probs, 2, 4, [1, 2], slack=4) == [3, 3]
    assert by_ctc(log_probs[:2], 1, 2, [1, 1, 2, 2]) == [0, 0, 1, 1]  # more tokens than frames
    assert by_ctc(log_probs[:0], 1, 1, []) == []


def test_each_block_ends() -> None:
    assert with_edges([5, 6, 7], [0, 2, 2], 4) == ([5, 0, 0, 6, 7, 0, 0], [0, 0, 1, 2, 2, 2, 3])
    assert with_edges([], [], 0) == ([], [])
