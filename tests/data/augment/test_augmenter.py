"""The door: the same for the same seed, nothing where nothing is asked for, and never a value that is no number."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sounds import RATE, Held, cached_noise, white
from tympan.data.augment import ORDER, Augmenter, AugmentRecipe, CachedRecordings, Recordings
from tympan.errors import ManifestError, RecipeError

ALWAYS: dict[str, dict[str, Any]] = {
    "speed": {"factors": [0.9, 1.1]},
    "vocal_tract": {},
    "pauses": {"seconds": [0.1, 0.1]},
    "rooms": {"manifest": "r.jsonl", "simulated": {}},
    "babble": {},
    "noise": {"manifest": "n.jsonl"},
    "equalizer": {},
    "volume": {},
    "telephone": {},
    "codec": {},
    "dropped": {"share": [0.1, 0.2]},
    "spec": {},
}
FIRST_WORDS = {
    "speed": ("speed",),
    "vocal_tract": ("vocal tract",),
    "pauses": ("pauses",),
    "rooms": ("room",),
    "babble": ("babble",),
    "noise": ("noise",),
    "equalizer": ("equalizer",),
    "volume": ("volume",),
    "telephone": ("telephone",),
    "codec": ("opus", "vorbis", "mp3", "mu-law", "a-law"),
    "dropped": ("dropped",),
}


def augmenter(probability: float = 1.0, names: tuple[str, ...] = (*ORDER, "spec"), **changes: dict[str, Any]) -> Augmenter:
    sections = {name: {**ALWAYS[name], "probability": probability, **changes.get(name, {})} for name in names}
    recipe = AugmentRecipe.model_validate({"spec": None, **sections})
    held = {
        "noise": Held([white(700, seed=1), white(5000, seed=2)]),
        "rooms": Held([np.exp(-np.arange(300) / 50).astype(np.float32)]),
        "babble": Held([white(900, seed=3), white(9000, seed=4)]),
    }
    return Augmenter(recipe, RATE, held)


def drawn_by(one: Augmenter, seed: int, samples: np.ndarray | None = None) -> list[str]:
    drawn: list[str] = []
    one.change_samples(white(4000) if samples is None else samples, np.random.default_rng(seed), drawn)
    return drawn


def test_the_default_changes_nothing() -> None:
    samples, features = white(100), np.ones((9, 4), np.float32)
    rng = np.random.default_rng(0)
    assert Augmenter().change_samples(samples, rng) is samples
    assert Augmenter().change_features(features, rng) is features
    assert Augmenter().nonspeech == 0


def test_probability_zero_changes_nothing() -> None:
    samples, features = white(3000), np.ones((50, 8), np.float32)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert augmenter(0).change_samples(samples, rng) is samples
        assert augmenter(0).change_features(features, rng) is features
    assert drawn_by(augmenter(0), 0) == []


def test_probability_one_changes_always_and_in_the_order_of_the_recipe() -> None:
    for seed in range(10):
        drawn = drawn_by(augmenter(), seed)
        assert len(drawn) == len(ORDER)
        for phrase, name in zip(drawn, ORDER, strict=True):
            assert phrase.startswith(FIRST_WORDS[name])


@pytest.mark.parametrize("name", [name for name in ORDER if name != "codec"])
def test_probabilities_are_kept(name: str) -> None:
    heard = sum(bool(drawn_by(augmenter(0.3, (name,)), seed, white(64))) for seed in range(400))
    assert 85 < heard < 157  # 120 expected, standard deviation 9.2
    features = np.ones((40, 20), np.float32)
    spec = augmenter(0.3, ("spec",), spec={"time_share": 1.0})
    masked = sum(spec.change_features(features, np.random.default_rng(seed)) is not features for seed in range(400))
    assert 85 < masked < 157


def test_what_happens_to_one_member_says_nothing_of_another() -> None:
    names = ("vocal_tract", "volume", "dropped")
    counts = [len(drawn_by(augmenter(0.5, names), seed, white(64))) for seed in range(800)]
    shares = np.bincount(counts, minlength=4) / 800
    np.testing.assert_allclose(shares, [0.125, 0.375, 0.375, 0.125], atol=0.06)  # standard deviation at most 0.017


def test_the_same_generator_gives_the_same_and_another_another() -> None:
    samples = white(4000)
    first, again, other = (augmenter().change_samples(samples, np.random.default_rng([1, 2, i])) for i in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.allclose(first, other)


def test_two_calls_with_one_generator_are_two_independent_views() -> None:
    one = augmenter()
    rng = np.random.default_rng(5)
    views: list[list[str]] = [[], []]
    sounds = [one.change_samples(white(4000), rng, drawn) for drawn in views]
    assert views[0] != views[1] and not np.array_equal(sounds[0][:3000], sounds[1][:3000])
    features = np.ones((200, 80), np.float32)
    masks = [one.change_features(features, rng) == 0 for _ in range(2)]
    assert not np.array_equal(masks[0], masks[1])


def test_a_member_draws_the_same_whichever_others_are_on() -> None:
    for seed in range(12):
        together = drawn_by(augmenter(), seed)
        for name, phrase in zip(ORDER, together, strict=True):
            if name not in ("rooms", "babble", "noise", "codec", "dropped"):  # those see the utterance as the others left it
                assert drawn_by(augmenter(1, (name,)), seed) == [phrase]
        assert drawn_by(augmenter(1, ("speed", "noise")), seed)[0] == together[0]


def test_one_number_is_taken_from_the_generator_whatever_happens() -> None:
    after = []
    for one in (Augmenter(), augmenter(), augmenter(0), augmenter(1, ("speed",))):
        for samples in (white(100), white(0)):
            rng = np.random.default_rng(7)
            one.change_samples(samples, rng)
            after.append(rng.integers(2**60))
    assert len(set(after)) == 1


def test_arguments_are_left_as_they_were() -> None:
    samples, features = white(3000), np.ones((60, 20), np.float32)
    augmenter().change_samples(samples, np.random.default_rng(0))
    augmenter().change_features(features, np.random.default_rng(0))
    assert np.array_equal(samples, white(3000)) and (features == 1).all()


@settings(max_examples=80)
@given(
    samples=hnp.arrays(np.float32, st.integers(0, 2500), elements=st.floats(-1, 1, width=32), fill=st.sampled_from([0.0, 0.25, -1.0])),
    names=st.sets(st.sampled_from(ORDER)),
    seed=st.integers(0, 2**32),
)
def test_samples_stay_numbers_and_only_speed_and_pauses_change_the_length(samples: np.ndarray, names: set[str], seed: int) -> None:
    changed = augmenter(1, tuple(names)).change_samples(samples, np.random.default_rng(seed))
    assert changed.dtype == np.float32 and changed.ndim == 1
    assert np.isfinite(changed).all()
    length = len(changed) - (2 * 1600 if "pauses" in names and len(samples) else 0)
    if "speed" in names:
        assert min(abs(length - len(samples) / factor) for factor in (0.9, 1.1)) <= 1
        assert (length == 0) == (len(samples) == 0)
    else:
        assert length == len(samples)


def test_it_is_small_when_sent_to_a_worker_and_does_the_same_there(tmp_path: Path) -> None:
    cached = CachedRecordings.of(cached_noise(tmp_path / "a.pcm", [30_000, 50_000]))
    one = Augmenter(augmenter().recipe, RATE, {"noise": cached, "rooms": cached, "babble": cached})
    sent = pickle.dumps(one)
    assert len(sent) < 8000
    results = [each.change_samples(white(3000), np.random.default_rng(3)) for each in (one, pickle.loads(sent))]
    assert np.array_equal(results[0], results[1])


def test_recordings_are_opened_for_those_that_name_a_manifest() -> None:
    opened: list[tuple[Path, str]] = []

    def open_manifest(path: Path, name: str) -> Recordings:
        opened.append((path, name))
        return Held([white(10)])

    recipe = AugmentRecipe.model_validate({"noise": {"manifest": "n.jsonl"}, "rooms": {"simulated": {}}, "babble": {}})
    one = Augmenter.open(recipe, RATE, open_manifest)
    assert opened == [(Path("n.jsonl"), "noise")] and set(one.recordings) == {"noise"}
    talkers = Held([white(20)])
    assert one.with_talkers(talkers).recordings["babble"] is talkers
    given_manifest = AugmentRecipe.model_validate({"babble": {"manifest": "b.jsonl"}})
    other = Augmenter.open(given_manifest, RATE, open_manifest)
    assert other.with_talkers(talkers) is other, "its own manifest goes first"
    assert Augmenter().with_talkers(talkers).recordings == {}


def test_a_manifest_without_sound_is_told() -> None:
    recipe = AugmentRecipe.model_validate({"noise": {"manifest": "n.jsonl"}})
    with pytest.raises(ManifestError, match=r"n\.jsonl of augment\.noise holds no recording"):
        Augmenter.open(recipe, RATE, lambda path, name: Held([]))


def test_a_codec_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundfile.available_subtypes", lambda format: {})
    with pytest.raises(RecipeError, match="writes no opus"):
        Augmenter.open(AugmentRecipe.model_validate({"codec": {}}), RATE, lambda path, name: Held([]))


def test_nonspeech_is_made_as_often_as_the_recipe_says_and_of_its_noises() -> None:
    recipe = AugmentRecipe.model_validate({"nonspeech": {"share": 0.25}})
    noise = np.full(50, 0.4321, np.float32)
    one = Augmenter(recipe, RATE, {"noise": Held([noise])})
    assert one.nonspeech == 0.25
    heard = [one.make_nonspeech(np.random.default_rng(seed)) for seed in range(30)]
    assert any((samples == noise[0]).all() for samples in heard)
