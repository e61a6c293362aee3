"""Batches of tensors: padded right, and the same whatever the workers and wherever one begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from sounds import cached_noise
from tympan.data import Utterance
from tympan.data.augment import Augmenter, AugmentRecipe, CachedRecordings
from tympan.data.cache import FeatureCache, FrameFeatures, cache_audio, open_uncached, plan_cache
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
    cache = cached_noise(tmp_path / "audio.pcm", [77, *COUNTS])
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


def test_joined_utterances_bring_their_sounds_texts_and_tokens(data: SpeechData) -> None:
    alone = data.examples(4)[0]
    data.augmentation = Augmenter(AugmentRecipe.model_validate({"joined": {"probability": 1, "seconds": 6}, "spec": None}), RATE)
    data.separator = 99
    lengths = set()
    for data.epoch in range(20):
        found, followers = data.examples(4)[0], data.followers(4)
        assert found.id == "u4" and found.text == " ".join(f"text {index}" for index in [4, *followers])
        assert [token for token in found.tokens if token != 99] == [t for index in [4, *followers] for t in (index, index + 1)]
        assert found.tokens.count(99) == len(followers) and found.tokens[-1] != 99
        said = sum(COUNTS[index] for index in [4, *followers]) / RATE
        assert said <= found.seconds <= said + 0.25 * len(followers) + 1e-9 and said <= 6
        assert np.array_equal(found.features, data.examples(4)[0].features), "an epoch's draws come again"
        if not followers:
            assert np.array_equal(found.features, alone.features)
        lengths.add(len(followers))
    assert 0 in lengths and max(lengths) > 2


def test_batches_of_joined_utterances_keep_about_their_bound(data: SpeechData) -> None:
    data.augmentation = Augmenter(AugmentRecipe.model_validate({"joined": {"probability": 1, "seconds": 3}, "spec": None}), RATE)
    data.max_batch_seconds = 6.0
    seconds = [batch.features.shape[0] * int(batch.lengths.max()) / 100 for data.epoch in range(10) for batch in data]
    assert np.mean(seconds) < 6.0 and data.plan(0) != replace(data, augmentation=Augmenter()).plan(0)


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


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_together_hear_an_epoch_once_and_each_utterance_as_alone(data: SpeechData, world_size: int) -> None:
    data = replace(data, augmentation=loud(data), epoch=1)
    ranks = [list(replace(data, rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert len({len(batches) for batches in ranks}) == 1
    heard = {name: (batch, row) for batches in ranks for batch in batches for row, name in enumerate(batch.ids)}
    assert sum(len(batch.ids) for batches in ranks for batch in batches) == len(heard)
    for alone in data:
        for row, name in enumerate(alone.ids):
            batch, place = heard[name]
            frames = int(alone.lengths[row])
            assert batch.lengths[place] == frames
            assert torch.equal(batch.features[place, :frames], alone.features[row, :frames])


def test_ranks_begin_in_the_middle_where_all_of_them_were(data: SpeechData) -> None:
    parts = [replace(data, rank=rank, world_size=2) for rank in range(2)]
    for part in parts:
        whole = list(part)
        part.start = 2  # of both ranks: one step
        rest = list(part)
        assert len(rest) == len(whole) - 1 and all(map(same, rest, whole[1:]))


def test_shortest_come_first_in_the_first_epoch_only(data: SpeechData) -> None:
    sorted_data = replace(data, shortest_first=True)
    longest = [int(batch.lengths.max()) for batch in sorted_data]
    assert longest == sorted(longest)
    assert sorted_data.plan(1) == data.plan(1)


@pytest.fixture
def recordings(tmp_path: Path) -> list[Utterance]:
    for number, count in enumerate((4000, 16_000, 9000, 12_345)):
        samples = np.random.default_rng(number).uniform(-0.5, 0.5, count)
        soundfile.write(tmp_path / f"{number}.flac", samples, RATE, subtype="PCM_24")
    return [Utterance(f"u{i}", tmp_path / f"{i}.flac", 1.0, "") for i in range(4)]


def kinds(recordings: list[Utterance], folder: Path, **options: Any) -> list[SpeechData]:
    """The same data, kept as samples, as features, and not at all."""
    extractor = Fbank80()
    caches = [
        cache_audio(recordings, folder, RATE),
        FeatureCache(plan_cache(recordings, folder, FrameFeatures(extractor)).make()),
        open_uncached(recordings, folder, RATE),
    ]
    recipe = AugmentRecipe.model_validate({"nonspeech": {"share": 0.5}, "spec": {"time_share": 0.2}})
    fields = {"extractor": extractor, "normalization": Normalization("utterance"), "max_batch_seconds": 3.0, "seed": 5}
    rest = {**fields, "augmentation": Augmenter(recipe, RATE), **options}
    return [SpeechData(recordings, [[1]] * 4, cache, range(4), **rest) for cache in caches]


@pytest.mark.parametrize("options", [{}, {"views": 2}])
def test_whatever_is_kept_the_batches_are_the_same(recordings: list[Utterance], tmp_path: Path, options: dict[str, Any]) -> None:
    waveform, features, none = kinds(recordings, tmp_path / "cache", **options)
    expected = list(waveform)
    assert len(expected) > 2
    for other in (features, none):
        found = list(other)
        assert len(found) == len(expected) and all(map(same, found, expected))
        assert np.array_equal(other.features(2), waveform.features(2))


def test_features_of_the_cache_are_not_changed_by_masks(recordings: list[Utterance], tmp_path: Path) -> None:
    _, features, _ = kinds(recordings, tmp_path / "cache")
    before = [path.read_bytes() for path in features.cache.made.files]  # type: ignore[union-attr]
    list(replace(features, normalization=Normalization("none")))
    assert [path.read_bytes() for path in features.cache.made.files] == before  # type: ignore[union-attr]


def test_recording_that_cannot_be_read_now_is_left_out_of_its_batch_by_name(recordings: list[Utterance], tmp_path: Path) -> None:
    data = replace(kinds(recordings, tmp_path / "cache")[2], max_batch_seconds=99.0)
    recordings[1].audio.unlink()
    batch = data.batch([0, 1, 2])
    assert batch.ids == ["u0", "u2"] and list(batch.skipped) == ["u1"] and "1.flac: no such file" in batch.skipped["u1"]
    assert data.batch([1]).ids == [] and data.batch([1]).features.shape == (0, PAD_FRAMES, 80)
    assert [batch.ids for batch in replace(data, max_batch_seconds=0.1)].count([]) == 1


def test_sound_of_two_views_is_read_and_changed_once(data: SpeechData, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    extract = Fbank80.__call__
    monkeypatch.setattr(Fbank80, "__call__", lambda self, samples: (calls.append(len(samples)), extract(self, samples))[1])
    list(two_views(data))
    assert len(calls) == len(data.utterances) + round(0.2 * len(data.utterances))
