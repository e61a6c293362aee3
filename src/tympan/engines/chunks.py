"""A CTC network that hears an utterance chunk by chunk, of many streams at once, or whole: one graph, one set of weights.

    state = network.begin()
    log_probs = network.step([state, ...], [features, ...], frames=4)     # one chunk of each stream, in one run
    log_probs = network.whole(features)

Between two chunks a stream keeps the last frames that each convolution heard (`ends`) and, of every attention, keys and values of the
last L frames as a ring in which frame p lies in slot p mod L (`memories`): the graph takes these, and gives new ends, and keys and
values of the chunk's own frames, which are written into the ring here. So the cost of a chunk does not depend on what came before.

Each stream's result depends on its own features alone, to the bit: activations are quantised row by row, and all else that the
graph does to a stream touches no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tympan.bundle import Bundle
from tympan.engines.engine import Array, open_session, run
from tympan.errors import BundleError, ShapeError

MAX_STATE = 1 << 24  # floats that a stream may keep: 64 MiB
MAX_FACTOR, MAX_CHUNK = 64, 1024


@dataclass(frozen=True)
class Geometry:
    """What a bundle says of its chunks.

    Attributes:
        factor: frames of features for one encoded frame.
        chunk_sizes: encoded frames in a chunk, those that the network was trained with, ascending.
        ends: shapes of what the convolutions keep, without the axis of the batch.
        memories: (H, L, D / H) of the keys and the values of each attention.
        normalization: of the features in chunks.
    """

    factor: int
    chunk_sizes: tuple[int, ...]
    ends: tuple[tuple[int, ...], ...]
    memories: tuple[tuple[int, ...], ...]
    normalization: Mapping[str, Any]

    @classmethod
    def of(cls, bundle: Bundle) -> Geometry | None:
        """That of a bundle; None if its network hears whole utterances only.

        Raises:
            BundleError: what it says cannot be.
        """
        config = bundle.chunks
        if config is None:
            return None
        ends, memories = shapes(config.get("ends")), shapes(config.get("memories"))
        sizes, factor = config.get("chunk_sizes"), config.get("factor")
        fits = (
            ends is not None
            and memories is not None
            and is_count(factor, MAX_FACTOR)
            and isinstance(sizes, list)
            and all(is_count(size, MAX_CHUNK) for size in sizes)
            and bool(sizes and memories)
            and isinstance(config.get("normalization"), dict)
        )
        if not fits or any(len(shape) != 3 for shape in memories or ()) or len({shape[1] for shape in memories or ()}) != 1:
            raise BundleError(f"{bundle.path}: what it says of hearing in chunks cannot be.", "Export it again.")
        assert ends is not None and memories is not None and isinstance(sizes, list) and isinstance(factor, int)
        if sum(map(prod, (*ends, *memories))) > MAX_STATE:
            raise BundleError(f"{bundle.path}: a stream would keep more than {MAX_STATE >> 18} MiB.")
        return cls(factor, tuple(sorted(sizes)), ends, memories, config["normalization"])

    @property
    def left(self) -> int:
        """L, encoded frames that attention keeps."""
        return self.memories[0][1]


def shapes(value: Any) -> tuple[tuple[int, ...], ...] | None:
    """Lists of positive numbers as tuples; None if they are not."""
    if not isinstance(value, list) or not all(isinstance(shape, list) and shape for shape in value):
        return None
    if not all(is_count(size, MAX_STATE) for shape in value for size in shape):
        return None
    return tuple(map(tuple, value))


def is_count(value: Any, most: int) -> bool:
    """Whether it is a whole number from 1 to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


@dataclass
class ChunkState:
    """What a stream keeps between two chunks; a few hundred kilobytes.

    Attributes:
        heard: encoded frames so far.
        ends, memories: arrays of the geometry's shapes.
    """

    heard: int
    ends: list[Array]
    memories: list[Array]


class ChunkedNetwork:
    """The network of a bundle with a geometry. Safe to share among threads, as long as each state is in one at a time.

    Args:
        bundle: the model.
        geometry: of the bundle.
        threads: for the network; 0 takes all cores.

    Raises:
        BundleError: the graph cannot be used.
    """

    def __init__(self, bundle: Bundle, geometry: Geometry, threads: int) -> None:
        self.bundle = bundle
        self.geometry = geometry
        self.ends = [f"end_{index}" for index in range(len(geometry.ends))]
        self.memories = [f"memory_{index}" for index in range(len(geometry.memories))]
        names = {"features", "lengths", "heard", *self.ends, *self.memories}
        self.session = open_session(bundle.graph, bundle.path, threads, names, (2 + len(self.ends) + len(self.memories),))

    def begin(self) -> ChunkState:
        """A stream that has heard nothing."""
        zeros = [np.zeros(shape, np.float32) for shape in (*self.geometry.ends, *self.geometry.memories)]
        return ChunkState(0, zeros[: len(self.ends)], zeros[len(self.ends) :])

    def step(self, states: Sequence[ChunkState], features: Sequence[Array], frames: int) -> list[Array]:
        """One chunk of each stream.

        Args:
            states: of the streams; they go on.
            features: (t, F) normalised of each, t = frames * factor, or less but not 0 at a stream's end.
            frames: encoded frames of the chunk, at most L.

        Returns:
            Log_probs (T', V) of each.
        """
        geometry = self.geometry
        batch, most = len(states), frames * geometry.factor
        if not 0 < frames <= geometry.left:
            raise ShapeError(f"A chunk of {frames} encoded frames does not fit into a memory of {geometry.left}.")
        lengths = np.array([len(each) for each in features], dtype=np.int64)
        if batch == 1 and lengths[0] == most:
            padded = features[0][None]
        else:
            padded = np.zeros((batch, most, features[0].shape[1]), np.float32)
            for row, each in enumerate(features):
                padded[row, : len(each)] = each
        inputs = {"features": padded, "lengths": lengths, "heard": np.array([state.heard for state in states], dtype=np.int64)}
        inputs |= {name: np.stack([state.ends[index] for state in states]) for index, name in enumerate(self.ends)}
        inputs |= {name: joined([state.memories[index] for state in states]) for index, name in enumerate(self.memories)}
        outputs = run(self.session, inputs, self.bundle.path)
        log_probs = checked(outputs, self.bundle)
        ends, recent = outputs[2 : 2 + len(self.ends)], outputs[2 + len(self.ends) :]
        kept = [(batch, *shape) for shape in geometry.ends]
        kept += [(batch, heads, frames, dim) for heads, _, dim in geometry.memories]
        if len(log_probs) != batch or [np.shape(each) for each in (*ends, *recent)] != kept:
            raise BundleError(f"{self.bundle.path}: the network keeps something else between two chunks than the bundle says.")
        for row, state in enumerate(states):
            state.ends = [end[row].copy() for end in ends]
            slots = (state.heard + np.arange(frames)) % geometry.left
            for memory, new in zip(state.memories, recent, strict=True):
                memory[:, slots] = new[row]
            state.heard += frames
        return log_probs

    def whole(self, features: Array) -> Array:
        """(T, F) normalised features of an utterance, T > 0 -> log_probs (T', V)."""
        length, factor = len(features), self.geometry.factor
        padded = np.zeros((1, -(-length // factor) * factor, features.shape[1]), np.float32)
        padded[0, :length] = features
        inputs = {"features": padded, "lengths": np.array([length], dtype=np.int64), "heard": np.zeros(1, np.int64)}
        inputs |= {name: np.zeros((1, *shape), np.float32) for name, shape in zip(self.ends, self.geometry.ends, strict=True)}
        # One slot, which holds nothing: a graph is not asked to multiply by an empty matrix.
        inputs |= {
            name: np.zeros((1, heads, 1, dim), np.float32)
            for name, (heads, _, dim) in zip(self.memories, self.geometry.memories, strict=True)
        }
        return checked(run(self.session, inputs, self.bundle.path), self.bundle)[0]


def joined(memories: Sequence[Array]) -> Array:
    """One more axis before; without a copy where there is one stream."""
    return memories[0][None] if len(memories) == 1 else np.stack(memories)


def checked(outputs: Sequence[Any], bundle: Bundle) -> list[Array]:
    """Log_probs (T', V) of each row of a batch without padding.

    Raises:
        ShapeError: they are not of the bundle's tokens.
        BundleError: they are no numbers, or come without a length each.
    """
    log_probs, lengths = outputs[0], outputs[1]
    if not isinstance(log_probs, np.ndarray) or not isinstance(lengths, np.ndarray):
        raise BundleError(f"{bundle.path}: the network gives something else than arrays.")
    if log_probs.ndim != 3 or log_probs.shape[2] != len(bundle.tokens):
        raise ShapeError(f"The network gives log_probs {log_probs.shape}, the table has {len(bundle.tokens)} tokens.")
    if log_probs.dtype != np.float32 or lengths.dtype != np.int64 or lengths.shape != log_probs.shape[:1]:
        kinds = f"{log_probs.dtype} {log_probs.shape} with lengths {lengths.dtype} {lengths.shape}"
        raise BundleError(f"{bundle.path}: the network gives {kinds}, not float32 (B, T, V) with int64 (B,).")
    return [row[: int(length)] for row, length in zip(log_probs, lengths, strict=True)]
