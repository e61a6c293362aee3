"""What layers keep between chunks."""

from __future__ import annotations

import torch

from tympan.models.layers.past import Past, StreamState
from tympan.models.layers.rotary import rotary_tables, rotary_tables_at


def test_ring_holds_the_last_frames_and_says_how_far_they_are() -> None:
    """Frames 0, 1, 2, ... carry their number as key; chunks of 2 into a memory of 5."""
    past = Past(StreamState(torch.zeros(1, dtype=torch.int64), 5))
    for first in range(0, 14, 2):
        chunk = torch.arange(first, first + 2, dtype=torch.float32).reshape(1, 1, 2, 1)
        ring = past.memory(chunk)[0, 0, :, 0]
        held = past.remembers()[0]
        assert sorted(ring[held].tolist()) == list(range(max(0, first - 5), first))
        distances = past.distances(2)[0]
        for query in range(2):
            assert (first + query - distances[query][held]).tolist() == ring[held].tolist()
        past = Past(past.after(2))


def test_ends_are_zeros_at_first_and_then_what_was_heard_last() -> None:
    past = Past(StreamState(torch.zeros(1, dtype=torch.int64), 1))
    past.memory(torch.zeros(1, 1, 2, 1))
    assert past.end(torch.tensor([[[1.0], [2.0]]]), 3)[0, :, 0].tolist() == [0, 0, 0, 1, 2]
    later = Past(past.after(2))
    assert later.end(torch.tensor([[[3.0]]]), 3)[0, :, 0].tolist() == [0, 1, 2, 3]


def test_positions_after_a_day_turn_by_the_same_angles() -> None:
    """A frame and the next differ by the first angles, however late; float32 angles would have lost them."""
    day = 24 * 3600 * 25
    cos, sin = rotary_tables_at(torch.tensor([[day, day + 1]]), 8)
    near_cos, near_sin = rotary_tables(2, 8, torch.device("cpu"))
    turned = cos[0, 0, 1] * cos[0, 0, 0] + sin[0, 0, 1] * sin[0, 0, 0]
    torch.testing.assert_close(turned, near_cos[1] * near_cos[0] + near_sin[1] * near_sin[0], atol=1e-6, rtol=0)
