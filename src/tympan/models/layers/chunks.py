"""Which frames an utterance's frames may see when it is heard chunk by chunk."""

from __future__ import annotations

import torch


class Chunks:
    """Each utterance of a batch in chunks of its own size.

    Args:
        sizes: (B,) int64, frames in a chunk; 0 for one chunk that never ends.
        frames: T.
    """

    def __init__(self, sizes: torch.Tensor, frames: int) -> None:
        whole = sizes <= 0
        sizes = torch.where(whole, 2 * frames + 1, sizes)[:, None]
        positions = torch.arange(frames, device=sizes.device)[None]
        self.positions = positions
        self.starts = positions // sizes * sizes  # (B, T), the first frame of each frame's chunk
        self.ends = self.starts + sizes  # (B, T), one past its last
        self.whole = whole

    def visible(self, left: int) -> torch.Tensor:
        """(B, T, T) bool: whether attention from a frame (rows) may look at another: to the chunk's end, `left` before its start."""
        keys = self.positions[:, None, :]
        near = (keys >= self.starts[..., None] - left) & (keys < self.ends[..., None])
        return near | self.whole[:, None, None]

    def reaches(self, ahead: int) -> torch.Tensor:
        """(B, T, 1) bool: whether the frame `ahead` of each is still in its chunk."""
        return (self.positions + ahead < self.ends)[..., None]
