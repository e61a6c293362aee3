"""Seconds of audio that each change of the training audio handles in a second of one core: python benchmarks/bench_augment.py

On the clips of samples/, 20 times each, every member alone and always; then front end and masks, and all of what
recipes/english-small.yaml asks for, with noises and rooms made of the clips themselves. Prints one JSON row and writes it to
benchmarks/augment.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tympan import features
from tympan.data import read_manifest
from tympan.data.augment import ORDER, Augmenter, AugmentRecipe, Files
from tympan.training.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[1]
RATE, REPEATS = 16_000, 20
CODECS = ("opus", "vorbis", "mp3", "mu-law", "a-law")


def main() -> None:
    """Measure and print."""
    clips = read_manifest(ROOT / "samples" / "manifest.jsonl")
    files = Files(clips, RATE)
    sounds = [files.read(index, 0, files.length(index)) for index in range(len(clips))]
    held = Held(sounds)
    extractor, normalization = features.Fbank80(), features.Normalization("utterance")

    def speed(handle: Callable[[np.ndarray, np.random.Generator], object]) -> int:
        handle(sounds[0], np.random.default_rng(0))  # imports
        began = time.process_time()
        for repeat in range(REPEATS):
            for sound in sounds:
                handle(sound, np.random.default_rng(repeat))
        return round(REPEATS * sum(map(len, sounds)) / RATE / (time.process_time() - began))

    def augmenter(section: dict[str, object]) -> Augmenter:
        recipe = AugmentRecipe.model_validate({"spec": None, **section})
        return Augmenter(recipe, RATE, {"noise": held, "rooms": held, "babble": held})

    row = {}
    for name in ORDER:
        if name not in ("codec", "rooms"):
            more = {"manifest": "samples"} if name == "noise" else {"factors": [0.9, 1.1]} if name == "speed" else {}
            row[name] = speed(augmenter({name: {"probability": 1.0, **more}}).change_samples)
    row["rooms, simulated"] = speed(augmenter({"rooms": {"probability": 1.0, "simulated": {}}}).change_samples)
    for codec in CODECS:
        row[codec] = speed(augmenter({"codec": {"probability": 1.0, "codecs": [codec]}}).change_samples)
    row["fbank80 and normalisation"] = speed(lambda sound, _: normalization(extractor(sound)))
    english = Augmenter(load_recipe(ROOT / "recipes" / "english-small.yaml").augment, RATE, {"noise": held, "rooms": held})

    def whole(sound: np.ndarray, rng: np.random.Generator) -> None:
        english.change_features(normalization(extractor(english.change_samples(sound, rng))), rng)

    row["all of english-small, with fbank80"] = speed(whole)
    text = json.dumps(row)
    (ROOT / "benchmarks" / "augment.json").write_text(text + "\n", encoding="utf-8")
    print(text)


class Held:
    """Recordings in memory."""

    def __init__(self, sounds: list[np.ndarray]) -> None:
        self.sounds = sounds

    def __len__(self) -> int:
        return len(self.sounds)

    def length(self, index: int) -> int:
        return len(self.sounds[index])

    def read(self, index: int, start: int, count: int) -> np.ndarray:
        return self.sounds[index][start : start + count]

    def name(self, index: int) -> str:
        return str(index)


if __name__ == "__main__":
    main()
