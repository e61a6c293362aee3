"""The synthetic corpus: the same from the same seed, split by speaker, and its two words differ where the ear hears it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synthesize_yesno import SAMPLE_RATE, WORDS, Speaker, draw_speaker, make_corpus, synthesize_utterance, synthesize_word

PLAIN = Speaker("plain", pitch_hz=120, tract_scale=1.0, speed=1.0, breath=0.05, noise_db=-45, level_db=-20, echo_s=0.0)


def lines_of(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def share_above(samples: np.ndarray, hertz: float) -> float:
    """The share of the energy above a frequency."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(power[np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) > hertz].sum() / power.sum())


def loudest_between(samples: np.ndarray, low: float, high: float) -> float:
    """The frequency, in Hz, of the largest peak of a smoothed spectrum between two frequencies."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 4096)) ** 2
    smooth = np.convolve(power, np.hanning(60), "same")  # 235 Hz wide: harmonics become an envelope
    hertz = np.fft.rfftfreq(4096, 1 / SAMPLE_RATE)
    inside = (hertz > low) & (hertz < high)
    return float(hertz[inside][np.argmax(smooth[inside])])


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another(tmp_path: Path) -> None:
    clips = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        manifest = make_corpus(tmp_path / name, train=2, dev=1, test=1, seed=seed)["train"]
        clips.append([soundfile.read(tmp_path / name / line["audio_filepath"])[0].tolist() for line in lines_of(manifest)])
    assert clips[0] == clips[1]
    assert clips[0] != clips[2]


def test_a_larger_corpus_begins_with_the_smaller_one(tmp_path: Path) -> None:
    small = lines_of(make_corpus(tmp_path / "small", train=2, dev=0, test=0)["train"])
    large = lines_of(make_corpus(tmp_path / "large", train=4, dev=0, test=0)["train"])
    assert large[:2] == small


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_manifests_describe_the_clips_and_share_no_speaker(tmp_path: Path, audio_format: Any) -> None:
    manifests = make_corpus(tmp_path, train=5, dev=4, test=3, audio_format=audio_format)
    splits = {split: lines_of(manifest) for split, manifest in manifests.items()}
    assert {split: len(lines) for split, lines in splits.items()} == {"train": 5, "dev": 4, "test": 3}
    speakers = [speaker for lines in splits.values() for speaker in {line["speaker"] for line in lines}]
    assert len(speakers) == len(set(speakers))
    for line in (line for lines in splits.values() for line in lines):
        assert list(line) == ["audio_filepath", "duration", "text", "speaker", "id"]
        clip = soundfile.info(tmp_path / line["audio_filepath"])
        assert (clip.samplerate, clip.channels, clip.format) == (SAMPLE_RATE, 1, audio_format.upper())
        assert clip.frames / SAMPLE_RATE == line["duration"]
        assert 1 <= len(line["text"].split()) <= 8
        assert set(line["text"].split()) <= set(WORDS)


@pytest.mark.parametrize("seed", range(4))
def test_only_yes_ends_in_hiss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    speaker = draw_speaker("any", rng)
    yes, no = (synthesize_word(word, speaker, rng) for word in ("yes", "no"))
    assert share_above(yes[-len(yes) // 3 :], 3500) > 0.9
    assert share_above(no, 3500) < 0.01


def test_the_second_formant_of_yes_is_where_the_targets_put_it() -> None:
    yes = synthesize_word("yes", PLAIN, np.random.default_rng(0))
    middle = yes[int(0.16 * SAMPLE_RATE) : int(0.21 * SAMPLE_RATE)]
    assert loudest_between(middle, 1300, 2200) == pytest.approx(1830, rel=0.12)  # targets tremble by 4%, harmonics lie 120 Hz apart


def test_the_second_formant_of_no_lies_far_below_that_of_yes() -> None:
    no = synthesize_word("no", PLAIN, np.random.default_rng(0))
    vowel = no[int(0.19 * SAMPLE_RATE) : int(0.24 * SAMPLE_RATE)]
    assert loudest_between(vowel, 700, 2200) < 1200


@pytest.mark.parametrize("speaker_seed", range(3))
def test_samples_are_finite_and_at_the_speaker_s_level(speaker_seed: int) -> None:
    speaker = draw_speaker("any", np.random.default_rng(speaker_seed))
    samples = synthesize_utterance(["yes", "no"], speaker, np.random.default_rng(1))
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1.0
    level_db = 20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    assert level_db == pytest.approx(speaker.level_db, abs=1.0)
