"""Relative attention against its formula, a loop over queries, keys and heads."""

from __future__ import annotations

import pytest
import torch

from tympan.models.layers.attention import attention_bias
from tympan.models.layers.positions import position_tables, sinusoids
from tympan.models.layers.relative_attention import RelativeAttention, by_distance

CPU = torch.device("cpu")
DIM, HEADS = 8, 2


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_attention_is_that_of_the_formula(frames: int) -> None:
    torch.manual_seed(1)
    layer = RelativeAttention(DIM, HEADS, 0.0)
    torch.nn.init.normal_(layer.content_bias)
    torch.nn.init.normal_(layer.distance_bias)
    x = torch.randn(1, frames, DIM)
    bias = attention_bias(torch.ones(1, frames, dtype=torch.bool), None, 1)
    with torch.no_grad():
        found = layer(x, bias, *position_tables("relative", frames, DIM, HEADS, CPU))[0]
        q, k, v = layer.qkv(layer.norm(x))[0].chunk(3, dim=1)
        width = DIM // HEADS
        contexts = torch.zeros(frames, DIM)
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            scores = torch.zeros(frames, frames)
            for i in range(frames):
                for j in range(frames):
                    far = layer.distance(sinusoids(torch.tensor([i - j]), DIM))[0]
                    content = (q[i, part] + layer.content_bias[head, 0]) @ k[j, part]
                    scores[i, j] = (content + (q[i, part] + layer.distance_bias[head, 0]) @ far[part]) / width**0.5
            contexts[:, part] = scores.softmax(1) @ v[:, part]
        torch.testing.assert_close(found, layer.out(contexts), atol=1e-5, rtol=0)


def test_scores_are_put_where_their_distance_belongs() -> None:
    frames = 5
    distances = torch.arange(frames - 1, -frames, -1).float().expand(1, 1, frames, -1)
    i, j = torch.arange(frames)[:, None], torch.arange(frames)
    assert torch.equal(by_distance(distances)[0, 0], (i - j).float())


def test_sinusoids_are_sine_and_cosine_in_turn() -> None:
    table = sinusoids(torch.tensor([3]), 4)[0]
    angles = torch.tensor([3.0, 3.0 / 100])
    torch.testing.assert_close(table, torch.stack([angles.sin(), angles.cos()], 1).flatten())
