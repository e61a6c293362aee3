"""What layers keep of an utterance that comes chunk by chunk, so that a chunk costs the same however much came before.

A convolution keeps the last frames that it heard. An attention keeps keys and values of the last L frames as a ring: frame p lies
in slot p mod L. Nothing is moved there from chunk to chunk, and whoever keeps the state (`StreamState.after` here, the runtime for
exported models) writes a chunk's own few frames into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class StreamState:
    """Between two chunks of a batch of utterances.

    Attributes:
        heard: (B,) int64, encoded frames so far.
        left: L, frames that attention keeps.
        ends: (B, ...) each, the last frames that each convolution heard; none at the beginning, where they are zeros.
        memories: (B, H, L, D / H) each, of every attention the keys and the values; none at the beginning.
    """

    heard: torch.Tensor
    left: int
    ends: tuple[torch.Tensor, ...] = ()
    memories: tuple[torch.Tensor, ...] = ()


@dataclass
class Past:
    """What came before a chunk, asked for by the layers in the order in which they run; and what the chunk leaves.

        past = Past(StreamState(torch.zeros(batch, dtype=torch.int64), left=64))
        encoder.step(features, lengths, past)
        past = Past(past.after(frames)); ...

    Attributes:
        before: the state.
        ends: as of the state, after the chunk.
        recent: (B, H, T, D / H) each, keys and values of the chunk's own frames.
    """

    before: StreamState
    ends: list[torch.Tensor] = field(default_factory=list)
    recent: list[torch.Tensor] = field(default_factory=list)

    def end(self, x: torch.Tensor, frames: int, dim: int = 1) -> torch.Tensor:
        """The last `frames` that a convolution heard, then x, along the axis of time `dim`."""
        if self.before.ends:
            before = self.before.ends[len(self.ends)]
        else:
            before = x.new_zeros([frames if axis == dim else size for axis, size in enumerate(x.shape)])
        joined = torch.cat((before, x), dim=dim)
        self.ends.append(joined.narrow(dim, x.shape[dim], frames))
        return joined

    def memory(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, T, D / H) keys or values of the chunk -> those of the frames before, (B, H, L, D / H) in the ring's order."""
        self.recent.append(x)
        if self.before.memories:
            return self.before.memories[len(self.recent) - 1]
        return x.new_zeros((x.shape[0], x.shape[1], self.before.left, x.shape[3]))

    @property
    def slots(self) -> torch.Tensor:
        """(L,) of the ring."""
        return torch.arange(self.before.left, device=self.before.heard.device)

    def remembers(self) -> torch.Tensor:
        """(B, L) bool: which slots hold a frame."""
        return self.slots[None] < self.before.heard[:, None]

    def positions(self, frames: int) -> torch.Tensor:
        """(B, T) int64 of the chunk's frames in the utterance."""
        return self.before.heard[:, None] + torch.arange(frames, device=self.before.heard.device)[None]

    def distances(self, frames: int) -> torch.Tensor:
        """(B, T, L) int64, how far behind the chunk's frames the ring's are; slots that hold none count as 0."""
        heard, left = self.before.heard[:, None], self.before.left
        held = self.slots[None] + left * torch.div(heard - 1 - self.slots[None], left, rounding_mode="floor")  # (B, L), positions
        return torch.where(self.remembers()[:, None], self.positions(frames)[:, :, None] - held[:, None], 0)

    def after(self, frames: int) -> StreamState:
        """The state after a chunk of `frames` encoded frames, at most L."""
        rings = []
        for index, recent in enumerate(self.recent):
            ring = self.before.memories[index].clone() if self.before.memories else recent.new_zeros(ring_shape(recent, self.before.left))
            for row, slots in enumerate(self.positions(frames) % self.before.left):
                ring[row, :, slots] = recent[row]
            rings.append(ring)
        return StreamState(self.before.heard + frames, self.before.left, tuple(self.ends), tuple(rings))


def ring_shape(recent: torch.Tensor, left: int) -> tuple[int, int, int, int]:
    """Of the memory of such keys or values."""
    return (recent.shape[0], recent.shape[1], left, recent.shape[3])


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor, past: Past | None) -> torch.Tensor:
    """Softmax attention of queries that are scaled (B, H, T, d), over a memory too if there is a past -> (B, H, T, d).

    Args:
        bias: added to the scores (B, H, T, T) or, with a past, (B, H, T, L + T).
    """
    # Spelled out: on a CPU in bfloat16 the fused kernel was slower at these sizes.
    scores = q @ k.transpose(-1, -2)
    if past is None:
        return torch.softmax(scores.float() + bias, dim=-1).to(v.dtype) @ v
    keys, values = past.memory(k), past.memory(v)
    # Scores are joined, never keys: those of the memory are many, and copying them would cost more than all the products.
    weights = torch.softmax(torch.cat((q @ keys.transpose(-1, -2), scores), dim=-1) + bias, dim=-1)
    return weights[..., : keys.shape[2]] @ values + weights[..., keys.shape[2] :] @ v
