"""From cached audio to padded tensors, in worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from tympan.data.augment import Augmenter
from tympan.data.batches import plan_batches
from tympan.data.cache import AudioCache
from tympan.data.manifest import Utterance
from tympan.features import Extractor, Normalization

# Batches are padded to multiples of this, so that few shapes occur: CPU kernels are generated for each shape anew.
PAD_FRAMES = 64


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


def collate(examples: Sequence[Example], views: int = 1) -> Batch:
    """Pad examples to one tensor; of several views, those of each come together."""
    lengths = [len(example.features) for example in examples]
    frames = -(-max(1, *lengths) // PAD_FRAMES) * PAD_FRAMES
    features = torch.zeros(len(examples), frames, examples[0].features.shape[1])
    for row, example in enumerate(examples):
        features[row, : lengths[row]] = torch.from_numpy(example.features)
    return Batch(
        features,
        torch.tensor(lengths),
        torch.tensor([token for example in examples for token in example.tokens], dtype=torch.int64),
        torch.tensor([len(example.tokens) for example in examples]),
        [example.text for example in examples],
        [example.id for example in examples],
        sum(example.seconds for example in examples) / views,
        views,
        torch.tensor([example.chunk_size for example in examples]) if any(example.chunk_size for example in examples) else None,
    )


@dataclass
class SpeechData(IterableDataset[Batch]):
    """Batches of one manifest, in an order that depends on seed and epoch alone.

    What happens to utterance i in epoch e depends on (seed, e, i) alone: not on the number of workers, nor on what was
    prepared before, so a training resumed in the middle of an epoch sees what it would have seen.

    Attributes:
        views: of each utterance in a batch, of the same sound with masks and chunks drawn anew; the batch's bound counts them all.
        hearing: what comes in chunks, or None.
        epoch: which epoch the next iteration gives.
        start: batches of that epoch to leave out (they were trained on before a resume).
    """

    utterances: Sequence[Utterance]
    tokens: Sequence[list[int]]
    cache: AudioCache
    positions: Sequence[int]  # of the utterances in the cache
    extractor: Extractor
    normalization: Normalization
    max_batch_seconds: float
    seed: int
    augmentation: Augmenter = field(default_factory=Augmenter)
    shuffle: bool = True
    views: int = 1
    hearing: Hearing | None = None
    epoch: int = 0
    start: int = 0

    def plan(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch as indices of utterances; those past the last utterance are non-speech."""
        durations = self.cache.durations()[list(self.positions)]
        extra = round(len(durations) * self.augmentation.nonspeech)
        durations = np.concatenate([durations, np.full(extra, 6.0)])
        return plan_batches(durations, self.max_batch_seconds / self.views, seed=self.seed, epoch=epoch if self.shuffle else 0)

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        torch.set_num_threads(1) if worker else None
        for indices in self.plan(self.epoch)[self.start :][first::step]:
            yield collate([self.example(index, view) for view in range(self.views) for index in indices], self.views)

    def example(self, index: int, view: int = 0) -> Example:
        """A view of utterance `index` in this epoch."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        rate = self.extractor.sample_rate
        if index >= len(self.utterances):
            samples = self.augmentation.make_nonspeech(rng)
            utterance = replace(self.utterances[0], id=f"nonspeech-{index}", text="")
            tokens: list[int] = []
        else:
            utterance, tokens = self.utterances[index], self.tokens[index]
            samples = self.augmentation.change_samples(self.cache.samples(self.positions[index]), rng)
        if view:  # the sound is the same, what follows is drawn anew
            rng = np.random.default_rng([self.seed, self.epoch, index, view])
        chunk_size = self.chunk_size(view, rng)
        normalization = self.hearing.normalization if self.hearing and chunk_size else self.normalization
        features = self.augmentation.change_features(normalization(self.extractor(samples)), rng)
        return Example(features, tokens, utterance.text, utterance.id, len(samples) / rate, chunk_size)

    def chunk_size(self, view: int, rng: np.random.Generator) -> int:
        """Encoded frames in a chunk of this view, or 0 for whole; nothing is drawn where none comes in chunks."""
        if self.hearing is None or view != self.views - 1 or rng.random() >= self.hearing.probability:
            return 0
        return int(rng.choice(self.hearing.sizes))

    def loader(self, workers: int) -> DataLoader[Batch]:
        """A loader whose order does not depend on `workers`.

        Its generator is its own: drawing the workers' seeds from torch's would shift the dropout of a resumed training.
        """
        return DataLoader(
            self,
            batch_size=None,
            num_workers=workers,
            generator=torch.Generator().manual_seed(self.seed),
            prefetch_factor=8 if workers else None,
            multiprocessing_context="forkserver" if workers else None,
        )
