"""From recordings to padded tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan.data.augment import Augmenter
from tympan.data.batches import plan_batches
from tympan.data.cache import FeatureCache, Sounds
from tympan.data.manifest import Utterance
from tympan.errors import AudioError
from tympan.features import Extractor, Normalization

# Batches are padded to multiples of this, so that few shapes occur: CPU kernels are generated for each shape anew.
PAD_FRAMES = 64
NO_SAMPLES = np.zeros(0, np.float32)
JOINED = 2**32  # a place among the numbers that seed an utterance's draws, beyond every number of views


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
        samples: (B, N) float32, to compute the features from; None where a worker has done so.
        sample_lengths: (B,) int64, of these.
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
    samples: torch.Tensor | None = None
    sample_lengths: torch.Tensor | None = None

    def part(self, utterances: Sequence[int]) -> Batch:
        """These utterances of the batch (numbers below B / views), all views of them, padded no longer than they need."""
        count = len(self.ids) // self.views
        rows = [view * count + utterance for view in range(self.views) for utterance in utterances]
        targets = torch.split(self.tokens, self.token_lengths.tolist())
        lengths = self.lengths[rows]
        frames = min(self.features.shape[1], padded(int(lengths.max())))
        return replace(
            self,
            features=self.features[rows, :frames],
            lengths=lengths,
            tokens=torch.cat([targets[row] for row in rows]),
            token_lengths=self.token_lengths[rows],
            texts=[self.texts[row] for row in rows],
            ids=[self.ids[row] for row in rows],
            seconds=self.seconds * float(lengths.sum() / self.lengths.sum().clamp(min=1)),
            chunk_sizes=None if self.chunk_sizes is None else self.chunk_sizes[rows],
            skipped={},
        )

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors there."""
        moved: dict[str, Any] = {name: part.to(device, non_blocking=True) for name, part in vars(self).items() if torch.is_tensor(part)}
        return replace(self, **moved)


def padded(frames: int) -> int:
    """Frames that a batch of this longest utterance has."""
    return -(-max(1, frames) // PAD_FRAMES) * PAD_FRAMES


@dataclass(frozen=True)
class Example:
    """One view of an utterance, ready for the network: features (T, F) float32, tokens, text, id, seconds, size of its chunks.

    With samples (N,), features are uint8, 0 for what is hidden of those that are to be computed.
    """

    features: npt.NDArray[Any]
    tokens: list[int]
    text: str
    id: str
    seconds: float
    chunk_size: int = 0
    samples: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Heard:
    """One utterance as it sounds in an epoch: features (T, F) before normalisation, seconds; or samples (N,) and features' shape."""

    features: npt.NDArray[np.float32]
    seconds: float
    samples: npt.NDArray[np.float32] | None = None


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


def collate(examples: Sequence[Example], views: int = 1, num_features: int | None = None, skipped: dict[str, str] | None = None) -> Batch:
    """Pad examples to one tensor; of several views, those of each come together. `num_features` is needed where there may be none."""
    lengths = [len(example.features) for example in examples]
    num_features = num_features or examples[0].features.shape[1]
    later = bool(examples) and examples[0].samples is not None
    features = torch.zeros(len(examples), padded(max(lengths, default=0)), num_features, dtype=torch.uint8 if later else torch.float32)
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
        *(join_samples(examples) if later else (None, None)),
    )


def join_samples(examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples (B, N), padded with zeros, and their lengths (B,)."""
    sounds = [torch.from_numpy(example.samples) for example in examples if example.samples is not None]
    return torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True), torch.tensor([len(sound) for sound in sounds])


@dataclass
class SpeechData:
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
        rank, world_size: which of how many processes takes its batches here; they take turns, so together they train on what one
            process does that takes as many batches for a step.
        step_batches: for one step in all processes together; they are of like length.
        passes: how often an epoch goes through the data.
        samples_only: leave the features to whoever trains.
        separator: the token between the words of joined utterances; None where none stands there.
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
    step_batches: int = 1
    passes: int = 1
    samples_only: bool = False
    separator: int | None = None
    _joined: tuple[int, npt.NDArray[np.int64]] | None = field(default=None, init=False, repr=False, compare=False)  # of the last epoch

    def durations(self) -> npt.NDArray[np.float64]:
        """(n,) seconds of the utterances."""
        return self.cache.durations()[list(self.positions)]

    def plan(self, epoch: int) -> list[list[int]]:
        """The batches of all ranks in an epoch, as indices of utterances; those past the last utterance are non-speech."""
        durations = self.durations()
        extra = round(len(durations) * self.augmentation.nonspeech)
        if (joined := self.joined(epoch)) is not None:
            durations = durations + np.where(joined < 0, 0, durations[joined]).sum(axis=1)
        batches = plan_batches(
            np.concatenate([durations, np.full(extra, 6.0)]),
            self.max_batch_seconds / self.views,
            seed=self.seed,
            epoch=epoch if self.shuffle else 0,
            world_size=max(self.world_size, self.step_batches),
            shortest_first=self.shortest_first,
        )
        return batches * self.passes

    def share(self) -> list[list[int]]:
        """This rank's part of the epoch from `start` on; each has as many batches, so the last may be an empty one."""
        batches = self.plan(self.epoch)[self.start :]
        return [*batches, *([[]] * (-len(batches) % self.world_size))][self.rank :: self.world_size]

    def __iter__(self) -> Iterator[Batch]:
        return map(self.batch, self.share())

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
        followers = self.followers(index)
        if followers:
            text = " ".join([utterance.text, *(self.utterances[other].text for other in followers)])
            utterance, tokens = replace(utterance, text=" ".join(text.split())), self.join_tokens([index, *followers])
        sound = self.hear(index, rng, followers)
        found = []
        for view in range(self.views):
            if view:  # the sound is the same, what follows is drawn anew
                rng = np.random.default_rng([self.seed, self.epoch, index, view])
            chunk_size = self.chunk_size(view, rng)
            facts = tokens, utterance.text, utterance.id, sound.seconds, chunk_size
            if sound.samples is not None:
                hidden = self.augmentation.change_features(np.ones(sound.features.shape, np.float32), rng)
                found.append(Example(hidden.astype(np.uint8), *facts, sound.samples))
                continue
            normalization = self.hearing.normalization if self.hearing and chunk_size else self.normalization
            found.append(Example(self.augmentation.change_features(normalization(sound.features), rng), *facts))
        return found

    def followers(self, index: int) -> list[int]:
        """The utterances that are joined to utterance `index` in this epoch."""
        joined = self.joined(self.epoch)
        if joined is None or index >= len(self.utterances):
            return []
        return [int(other) for other in joined[index] if other >= 0]

    def joined(self, epoch: int) -> npt.NDArray[np.int64] | None:
        """(n, k) of an epoch as `Joined.followers` gives it; None where utterances are not joined."""
        section = self.augmentation.recipe.joined
        if section is None:
            return None
        if self._joined is None or self._joined[0] != epoch:
            self._joined = epoch, section.followers(self.durations(), np.random.default_rng([self.seed, epoch, JOINED]))
        return self._joined[1]

    def join_tokens(self, indices: Sequence[int]) -> list[int]:
        """The tokens of several utterances as one, with what stands between words between them."""
        between = [] if self.separator is None else [self.separator]
        tokens: list[int] = []
        for index in indices:
            tokens += [*(between if tokens and self.tokens[index] else []), *self.tokens[index]]
        return tokens

    def hear(self, index: int, rng: np.random.Generator, followers: Sequence[int] = ()) -> Heard:
        """Utterance `index`, changed as drawn: its features before normalisation, or its samples for whoever computes them."""
        rate = self.extractor.sample_rate
        if index >= len(self.utterances):
            samples = self.augmentation.make_nonspeech(rng)
        elif isinstance(self.cache, FeatureCache):
            self.augmentation.change_samples(NO_SAMPLES, rng)  # draws what it draws for samples, so that masks are the same
            return Heard(self.cache.features(self.positions[index]), float(self.cache.lengths[self.positions[index]]) / rate)
        else:
            samples = self.augmentation.change_samples(self.samples([index, *followers]), rng)
        if self.samples_only:
            shape = self.extractor.num_frames(len(samples)), self.extractor.num_features
            return Heard(np.zeros(shape, np.float32), len(samples) / rate, samples)
        return Heard(self.extractor(samples), len(samples) / rate)

    def samples(self, indices: Sequence[int]) -> npt.NDArray[np.float32]:
        """(N,) of several utterances as one, as they were recorded; of one, its own."""
        assert not isinstance(self.cache, FeatureCache)
        sounds = [self.cache.samples(self.positions[index]) for index in indices]
        joined = self.augmentation.recipe.joined
        if joined is None or len(sounds) == 1:
            return sounds[0]
        return joined.join(sounds, self.extractor.sample_rate, np.random.default_rng([self.seed, self.epoch, indices[0], JOINED, 1]))

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
