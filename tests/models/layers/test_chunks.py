"""What a frame may see of an utterance in chunks."""

from __future__ import annotations

import torch

from tympan.models.layers.chunks import Chunks


def test_a_frame_sees_its_chunk_and_a_bounded_past() -> None:
    visible = Chunks(torch.tensor([3]), 8).visible(left=2)[0]
    assert [row.nonzero()[:, 0].tolist() for row in visible] == [
        *[[0, 1, 2]] * 3,
        *[[1, 2, 3, 4, 5]] * 3,
        *[[4, 5, 6, 7]] * 2,
    ]


def test_size_zero_is_the_whole_utterance_whatever_the_bound() -> None:
    chunks = Chunks(torch.tensor([0, 2]), 5)
    assert chunks.visible(left=1)[0].all() and not chunks.visible(left=1)[1].all()
    assert chunks.reaches(4)[0].all()


def test_taps_ahead_reach_to_the_end_of_the_chunk() -> None:
    reaches = Chunks(torch.tensor([3]), 6).reaches(1)[0, :, 0]
    assert reaches.tolist() == [True, True, False, True, True, False]
    assert not Chunks(torch.tensor([3]), 6).reaches(3).any()
