"""From recordings to padded tensors, in worker processes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from tympan.data.augment import Augmenter
from tympan.data.batches import plan_batches
from tympan.data.cache import FeatureCache, Sounds
from tympan.data.manifest import Utterance
from tympan.errors import AudioError
from tympan.features import Extractor, Normalization

# Batches are padded to multiples of this, so that few shapes occur: CPU kernels are generated for each shape anew.
PAD_FRAMES = 64
PREFETCH = 8  # batches that a worker prepares ahead
NO_SAMPLES = np.zeros(0, np.float32)


@dataclass
class Batch:
    """B utterances, padded with zeros; with two views, the second B / 2 are the first B / 2, augmented anew.

    Attributes:
        features: (B, T, F) float32, normalised.
        lengths: (B,) int64 frames.
        tokens: (sum of token_lengths,) int64, all targets behind each other.
        token_lengths: (B,) int64.
        texts: the transcripts.
        ids: the utterances' ids.
        seconds: of audio in the batch, without padding; a second view is not counted.
        views: of each utterance.
        chunk_sizes: (B,) int64 encoded frames that the network hears at a time, 0 for the whole utterance; None for all whole.
        skipped: id -> why, of utterances that belong here but could not be read.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    tokens: torch.Tensor
    token_lengths: torch.Tensor
    texts: list[str]
    ids: list[str]
    seconds: float
    views: int = 1
    chunk_sizes: torch.Tensor | None = None
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """One view of an utterance, ready for the network: features (T, F) float32, tokens, text, id, seconds, size of its chunks."""

    features: npt.NDArray[np.float32]
    tokens: list[int]
    text: str
    id: str
    seconds: float
    chunk_size: int = 0


@dataclass(frozen=True)
class Hearing:
    """How a training hears utterances beside whole: in chunks, each normalised by what came before.

    Attributes:
        sizes: of chunks in encoded frames, one is drawn.
        probability: that an utterance comes in chunks; of two views, only the second may.
        normalization: of such an utterance; it must stream.
    """

    sizes: Sequence[int]
    probability: float
    normalization: Normalization


def collate(
    examples: Sequence[Example], views: int = 1, *, num_features: int | None = None, skipped: dict[str, str] | None = None
) -> Batch:
    """Pad examples to one tensor; of several views, those of each come together.

    Args:
        num_features: F; needed where there may be no example.
        skipped: for the batch.
    """
    lengths = [len(example.features) for example in examples]
    frames = -(-max([1, *lengths]) // PAD_FRAMES) * PAD_FRAMES
    features = torch.zeros(len(examples), frames, num_features or examples[0].features.shape[1])
    for row, example in enumerate(examples):
        features[row, : lengths[row]] = torch.from_numpy(example.features)
    return Batch(
        features,
        torch.tensor(lengths, dtype=torch.int64),
        torch.tensor([token for example in examples for token in example.tokens], dtype=torch.int64),
        torch.tensor([len(example.tokens) for example in examples], dtype=torch.int64),
        [example.text for example in examples],
        [example.id for example in examples],
        sum(example.seconds for example in examples) / views,
        views,
        torch.tensor([example.chunk_size for example in examples]) if any(example.chunk_size for example in examples) else None,
        skipped or {},
    )


@dataclass
class SpeechData(IterableDataset[Batch]):
    """Batches of one manifest, in an order that depends on seed and epoch alone.

    What happens to utterance i in epoch e depends on (seed, e, i) alone: not on the number of workers or ranks, nor on what was
    prepared before, so a training resumed in the middle of an epoch sees what it would have seen.

    Attributes:
        cache: the sounds, or their features, which `augmentation` must not want to change as sounds.
        views: of each utterance in a batch, of the same sound with masks and chunks drawn anew; the batch's bound counts them all.
        hearing: what comes in chunks, or None.
        shortest_first: in the first epoch.
        epoch: which epoch the next iteration gives.
        start: batches of that epoch to leave out, counted over all ranks (they were trained on before a resume).
        rank, world_size: which of how many processes takes its batches here.
    """

    utterances: Sequence[Utterance]
    tokens: Sequence[list[int]]
    cache: Sounds | FeatureCache
    positions: Sequence[int]  # of the utterances in the cache
    extractor: Extractor
    normalization: Normalization
    max_batch_seconds: float
    seed: int
    augmentation: Augmenter = field(default_factory=Augmenter)
    shuffle: bool = True
    views: int = 1
    hearing: Hearing | None = None
    shortest_first: bool = False
    epoch: int = 0
    start: int = 0
    rank: int = 0
    world_size: int = 1

    def durations(self) -> npt.NDArray[np.float64]:
        """(n,) seconds of the utterances."""
        return self.cache.durations()[list(self.positions)]

    def plan(self, epoch: int) -> list[list[int]]:
        """The batches of all ranks in an epoch, as indices of utterances; those past the last utterance are non-speech."""
        durations = self.durations()
        extra = round(len(durations) * self.augmentation.nonspeech)
        return plan_batches(
            np.concatenate([durations, np.full(extra, 6.0)]),
            self.max_batch_seconds / self.views,
            seed=self.seed,
            epoch=epoch if self.shuffle else 0,
            world_size=self.world_size,
            shortest_first=self.shortest_first,
        )

    def share(self) -> list[list[int]]:
        """This rank's part of the epoch from `start` on."""
        return self.plan(self.epoch)[self.start :][self.rank :: self.world_size]

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        torch.set_num_threads(1) if worker else None
        for indices in self.share()[first::step]:
            batch = self.batch(indices)
            if not batch.ids:
                raise AudioError(f"No recording of a batch can be read; the first: {next(iter(batch.skipped.values()))}")
            yield batch

    def batch(self, indices: Sequence[int]) -> Batch:
        """The utterances `indices` of this epoch, without those whose recordings cannot be read now."""
        examples: list[list[Example]] = []
        skipped: dict[str, str] = {}
        for index in indices:
            try:
                examples.append(self.examples(index))
            except AudioError as error:
                skipped[self.utterances[index].id] = str(error)
        in_views = [example for view in zip(*examples, strict=True) for example in view]
        return collate(in_views, self.views, num_features=self.extractor.num_features, skipped=skipped)

    def example(self, index: int, view: int = 0) -> Example:
        """A view of utterance `index` in this epoch."""
        return self.examples(index)[view]

    def examples(self, index: int) -> list[Example]:
        """All views of utterance `index` in this epoch; the sound is read and changed once."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        if index >= len(self.utterances):
            utterance, tokens = replace(self.utterances[0], id=f"nonspeech-{index}", text=""), []
        else:
            utterance, tokens = self.utterances[index], self.tokens[index]
        features, seconds = self.hear(index, rng)
        found = []
        for view in range(self.views):
            if view:  # the sound is the same, what follows is drawn anew
                rng = np.random.default_rng([self.seed, self.epoch, index, view])
            chunk_size = self.chunk_size(view, rng)
            normalization = self.hearing.normalization if self.hearing and chunk_size else self.normalization
            seen = self.augmentation.change_features(normalization(features), rng)
            found.append(Example(seen, tokens, utterance.text, utterance.id, seconds, chunk_size))
        return found

    def hear(self, index: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], float]:
        """(T, F) before normalisation of utterance `index`, changed as drawn, and its seconds."""
        rate = self.extractor.sample_rate
        if index >= len(self.utterances):
            samples = self.augmentation.make_nonspeech(rng)
        elif isinstance(self.cache, FeatureCache):
            self.augmentation.change_samples(NO_SAMPLES, rng)  # draws what it draws for samples, so that masks are the same
            return self.cache.features(self.positions[index]), float(self.cache.lengths[self.positions[index]]) / rate
        else:
            samples = self.augmentation.change_samples(self.cache.samples(self.positions[index]), rng)
        return self.extractor(samples), len(samples) / rate

    def features(self, index: int) -> npt.NDArray[np.float32]:
        """(T, F) of utterance `index` as it was recorded, before normalisation."""
        if isinstance(self.cache, FeatureCache):
            return self.cache.features(self.positions[index])
        return self.extractor(self.cache.samples(self.positions[index]))

    def chunk_size(self, view: int, rng: np.random.Generator) -> int:
        """Encoded frames in a chunk of this view, or 0 for whole; nothing is drawn where none comes in chunks."""
        if self.hearing is None or view != self.views - 1 or rng.random() >= self.hearing.probability:
            return 0
        return int(rng.choice(self.hearing.sizes))

    def loader(self, workers: int) -> SpeechLoader:
        """A loader whose order does not depend on `workers`."""
        return SpeechLoader(self, workers)


class SpeechLoader(DataLoader[Batch]):
    """torch's loader, with workers that start quickly and a clock that counts the waiting.

    Its generator is its own: drawing the workers' seeds from torch's would shift the dropout of a resumed training.

    Attributes:
        waited_s: seconds that this process has waited for batches since the loader was made.
    """

    def __init__(self, data: SpeechData, workers: int) -> None:
        self.waited_s = 0.0
        context = None
        if workers:
            context = get_context("forkserver")
            context.set_forkserver_preload([__name__])  # once, instead of in each worker of each epoch
        super().__init__(
            data,
            batch_size=None,
            num_workers=workers,
            generator=torch.Generator().manual_seed(data.seed),
            prefetch_factor=PREFETCH if workers else None,
            multiprocessing_context=context,
        )

    def __iter__(self) -> Any:  # torch promises its own iterator here
        """Batches; what passes between asking for one and having it is waiting."""
        began = time.perf_counter()
        for batch in super().__iter__():
            self.waited_s += time.perf_counter() - began
            yield batch
            began = time.perf_counter()
