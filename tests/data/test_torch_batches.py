"""Batches of tensors: padded right, and the same whatever the workers and wherever one begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tympan.data import Utterance
from tympan.data.augment import Augmenter, AugmentRecipe, CachedRecordings
from tympan.data.cache import AudioCache
from tympan.data.torch_batches import PAD_FRAMES, Batch, Example, Hearing, SpeechData, collate
from tympan.data.torch_loading import Loader
from tympan.features import Fbank80, Normalization

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create .* worker processes")  # a test may run on one core

RATE = 16_000
COUNTS = [4000, 16_000, 9000, 0, 7000, 300, 12_000, 5000, 8000, 11_000, 6000]  # 300 samples do not fill a frame
LOUD = {
    "speed": {"factors": [0.9, 1.0, 1.1]},
    "noise": {"manifest": "noise.jsonl", "probability": 0.5},
    "babble": {"probability": 0.5},
    "rooms": {"simulated": {}, "probability": 0.5},
    "nonspeech": {"share": 0.2},
    "spec": {"frequency_width": 10, "time_masks": 2, "time_share": 0.1},
}


def loud(data: SpeechData) -> Augmenter:
    """Everything may happen; noise and talkers are the recordings themselves."""
    recordings = CachedRecordings.of(data.cache)
    return Augmenter(AugmentRecipe.model_validate(LOUD), RATE, {"noise": recordings, "babble": recordings})


@pytest.fixture
def data(tmp_path: Path) -> SpeechData:
    """Eleven recordings of noise in a cache of twelve, the first of which is not used."""
    offsets = np.cumsum([0, 77, *COUNTS])
    samples = np.random.default_rng(0).integers(-9000, 9000, offsets[-1]).astype(np.int16)
    samples.tofile(tmp_path / "audio.pcm")
    cache = AudioCache(tmp_path / "audio.pcm", offsets, {}, RATE)
    utterances = [Utterance(f"u{i}", Path(f"{i}.wav"), count / RATE, f"text {i}") for i, count in enumerate(COUNTS)]
    tokens = [[i, i + 1] for i in range(len(COUNTS))]
    positions = range(1, len(COUNTS) + 1)
    return SpeechData(utterances, tokens, cache, positions, Fbank80(), Normalization("utterance"), 3.0, seed=5)


def same(one: Batch, other: Batch) -> bool:
    return (
        one.ids == other.ids
        and one.texts == other.texts
        and one.seconds == other.seconds
        and all(torch.equal(getattr(one, part), getattr(other, part)) for part in ("features", "lengths", "tokens", "token_lengths"))
    )


def example(frames: int, tokens: list[int], name: str = "x") -> Example:
    values = np.random.default_rng(frames).standard_normal((frames, 4)).astype(np.float32)
    return Example(values, tokens, f"text of {name}", name, frames / 100)


def test_collate_pads_features_with_zeros_and_joins_tokens() -> None:
    examples = [example(3, [1, 2], "a"), example(5, [], "b"), example(0, [7], "c")]
    batch = collate(examples)
    assert batch.features.shape == (3, PAD_FRAMES, 4) and batch.features.dtype == torch.float32
    assert batch.lengths.tolist() == [3, 5, 0] and batch.lengths.dtype == torch.int64
    assert batch.tokens.tolist() == [1, 2, 7] and batch.tokens.dtype == torch.int64
    assert batch.token_lengths.tolist() == [2, 0, 1] and batch.token_lengths.dtype == torch.int64
    assert batch.ids == ["a", "b", "c"] and batch.texts == ["text of a", "text of b", "text of c"]
    assert batch.seconds == pytest.approx(0.08)
    for row, one in enumerate(examples):
        assert np.array_equal(batch.features[row, : len(one.features)].numpy(), one.features)
        assert not batch.features[row, len(one.features) :].any()


def test_frames_are_padded_to_the_next_multiple() -> None:
    assert collate([example(PAD_FRAMES, [1])]).features.shape[1] == PAD_FRAMES
    assert collate([example(PAD_FRAMES + 1, [1])]).features.shape[1] == 2 * PAD_FRAMES


def test_collate_of_nothing_but_empty_transcripts_has_empty_tokens() -> None:
    batch = collate([example(2, []), example(1, [])])
    assert batch.tokens.shape == (0,) and batch.tokens.dtype == torch.int64
    assert batch.token_lengths.tolist() == [0, 0]


def test_collate_of_utterances_without_frames_is_all_padding() -> None:
    batch = collate([example(0, [])])
    assert batch.features.shape == (1, PAD_FRAMES, 4)
    assert batch.lengths.tolist() == [0]


def test_every_utterance_comes_once_an_epoch_with_its_own_tokens(data: SpeechData) -> None:
    batches = list(data)
    assert sorted(name for batch in batches for name in batch.ids) == sorted(f"u{i}" for i in range(len(COUNTS)))
    for batch in batches:
        tokens = batch.tokens.split(batch.token_lengths.tolist())
        for name, text, frames, own in zip(batch.ids, batch.texts, batch.lengths.tolist(), tokens, strict=True):
            number = int(name[1:])
            assert text == f"text {number}"
            assert own.tolist() == [number, number + 1]
            assert frames == data.extractor.num_frames(COUNTS[number])


def test_features_are_those_of_the_recording_normalized(data: SpeechData) -> None:
    expected = data.normalization(data.extractor(data.cache.samples(3)))
    assert np.array_equal(data.example(2).features, expected)
    assert data.example(2).seconds == COUNTS[2] / RATE


def test_order_and_contents_do_not_depend_on_workers(data: SpeechData) -> None:
    data.augmentation, data.epoch, data.start = loud(data), 3, 1
    alone = list(data)
    before = torch.get_rng_state()
    found = [batch for group in Loader(data, 2) for batch in group.batches]
    assert torch.equal(torch.get_rng_state(), before), "the dropout of a resumed training would not be that of the unbroken one"
    assert len(found) == len(alone) > 3
    assert all(map(same, found, alone))


def test_start_skips_exactly_the_batches_before_it(data: SpeechData) -> None:
    data.augmentation = loud(data)
    whole = list(data)
    for start in range(len(whole) + 1):
        data.start = start
        rest = list(data)
        assert len(rest) == len(whole) - start
        assert all(map(same, rest, whole[start:]))


def test_example_depends_on_seed_epoch_and_index_alone(data: SpeechData) -> None:
    data.augmentation = loud(data)
    first = data.example(1).features
    for _ in range(3):
        data.example(4)
    np.random.seed(1)
    torch.manual_seed(1)
    data.start, data.shuffle, data.max_batch_seconds = 5, False, 99.0
    assert np.array_equal(data.example(1).features, first)
    for change in ({"seed": 6}, {"epoch": 1}):
        other = replace(data, **change).example(1).features
        assert other.shape != first.shape or not np.allclose(other, first)


def test_epochs_have_their_own_order_only_if_shuffled(data: SpeechData) -> None:
    assert data.plan(0) != data.plan(1)
    data.shuffle = False
    assert data.plan(0) == data.plan(1)


def test_loader_leaves_the_random_state_of_torch_alone(data: SpeechData) -> None:
    data.augmentation = loud(data)
    before = torch.get_rng_state()
    list(data)
    assert torch.equal(torch.get_rng_state(), before)


def test_nonspeech_is_added_with_an_empty_transcript(data: SpeechData) -> None:
    data.augmentation = Augmenter(AugmentRecipe.model_validate({"nonspeech": {"share": 0.3}}), RATE)
    batches = list(data)
    names = [name for batch in batches for name in batch.ids]
    extra = [f"nonspeech-{index}" for index in range(11, 14)]
    assert sorted(names) == sorted([*(f"u{i}" for i in range(11)), *extra])
    for index in range(11, 14):
        one = data.example(index)
        assert one.text == "" and one.tokens == []
        assert 1 <= one.seconds <= 6
        assert np.isfinite(one.features).all()
    assert not np.array_equal(data.example(11).features[:90], data.example(12).features[:90])


def test_utterances_are_changed_as_the_augmenter_changes_them(data: SpeechData) -> None:
    data.augmentation, data.epoch = loud(data), 2
    rng = np.random.default_rng([data.seed, 2, 4])
    samples = data.augmentation.change_samples(data.cache.samples(5), rng)
    expected = data.augmentation.change_features(data.normalization(data.extractor(samples)), rng)
    found = data.example(4)
    assert np.array_equal(found.features, expected) and found.seconds == len(samples) / RATE


RUNNING = Normalization("running", (0.0,) * 80, (1.0,) * 80)


def two_views(data: SpeechData, **changes: Any) -> SpeechData:
    return replace(data, views=2, augmentation=loud(data), **changes)


def test_two_views_of_an_utterance_are_the_same_sound_under_other_masks(data: SpeechData) -> None:
    for batch in two_views(data):
        half = len(batch.ids) // 2
        assert batch.views == 2 and batch.ids[:half] == batch.ids[half:] and batch.texts[:half] == batch.texts[half:]
        assert torch.equal(batch.lengths[:half], batch.lengths[half:])
        assert torch.equal(batch.token_lengths[:half], batch.token_lengths[half:])
        for first, second, frames in zip(batch.features[:half], batch.features[half:], batch.lengths[:half], strict=True):
            kept = (first != 0) & (second != 0)
            assert torch.equal(first[kept], second[kept])
            assert frames < 20 or not torch.equal(first, second)


def test_two_views_keep_the_bound_of_the_batch_and_count_their_audio_once(data: SpeechData) -> None:
    plain, batches = list(data), list(replace(data, views=2))
    assert sum(batch.seconds for batch in batches) == pytest.approx(sum(batch.seconds for batch in plain))
    assert len(batches) > len(plain)


def test_first_view_is_whole_and_the_second_in_chunks_normalised_by_its_past(data: SpeechData) -> None:
    hearing = Hearing((4, 8), 1.0, RUNNING)
    for batch in replace(data, views=2, hearing=hearing):
        half = len(batch.ids) // 2
        assert batch.chunk_sizes is not None and not batch.chunk_sizes[:half].any()
        assert set(batch.chunk_sizes[half:].tolist()) <= {4, 8}
        for row, name in enumerate(batch.ids):
            index = int(name[1:])
            features = data.extractor(data.cache.samples(index + 1))
            expected = (data.normalization if row < half else RUNNING)(features)
            assert np.array_equal(batch.features[row, : batch.lengths[row]].numpy(), expected)


def test_chunks_of_a_single_view_come_as_often_as_asked_and_the_same_again(data: SpeechData) -> None:
    heard = replace(data, hearing=Hearing((4,), 0.5, RUNNING))
    sizes = [heard.example(index).chunk_size for index in range(len(COUNTS))]
    assert set(sizes) == {0, 4} and sizes == [heard.example(index).chunk_size for index in range(len(COUNTS))]
    assert all(batch.chunk_sizes is None for batch in data)
