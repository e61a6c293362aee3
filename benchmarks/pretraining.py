"""What recordings without text are worth: python benchmarks/pretraining.py WORK [--minutes 30] [--tune-minutes 10] [--threads 2]

BEST-RQ hears all training recordings of ../shared/speech without their text for so many minutes. One hour of LibriSpeech with text then
trains the same Conformer twice by CTC on characters, with the same steps, rates and seed: from random weights, and from the pre-trained
encoder. Both are judged on dev-librispeech, greedily and with an n-gram of the books. Prints a row for each and writes them to
benchmarks/pretraining.json. What is done in WORK is not done again.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

import systems
from tympan.bundle import Bundle
from tympan.data.manifest import Utterance, read_manifest, write_manifest
from tympan.files import write_atomically
from tympan.training.forecast import forecast
from tympan.training.recipe import check_recipe

MUTE = ("train-librispeech", "train-speechocean", "train-ljspeech", "train-an4", "train-digits")
HOUR = 3600.0
QUANTIZER = {"codebooks": 1, "codes": 512, "dim": 16}


def main() -> None:
    """Pre-train, train twice, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0, help="of pre-training")
    parser.add_argument("--tune-minutes", type=float, default=10.0, help="of each training with text")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    sets = {**systems.prepare_sets(work), **manifests(work)}
    mute = {"model": {"family": "best-rq", "encoder": systems.CONFORMER, "quantizer": QUANTIZER}, "augment": {}}
    pre = recipe(work, sets["mute"], sets["mute-dev"], mute, arguments.threads)
    pre.pop("tokens")
    seconds = run(work / "pretrained", pre, arguments.minutes, "pretrain")
    rows = []
    for name in ("scratch", "pretrained"):
        tuning = recipe(work, sets["hour"], sets["dev"], {"model": {"encoder": systems.CONFORMER}}, arguments.threads)
        if name == "pretrained":
            tuning["training"]["initial"] = str(work / "pretrained" / "run" / "best.safetensors")
        tuned = run(work / f"hour-{name}", tuning, arguments.tune_minutes, "train", work / "hour-scratch" / "recipe.yaml")
        bundle = Bundle.open(work / f"hour-{name}" / "run" / "model.tympan")
        scorer = systems.build_scorer(bundle, work, sets["books"])
        rows.append({"start": name, "pretraining_s": seconds, "training_s": tuned, **systems.judged(bundle, scorer, sets)})
        print(json.dumps(rows[-1]))
    (systems.ROOT / "benchmarks" / "pretraining.json").write_text("".join(json.dumps(row) + "\n" for row in rows))


def manifests(work: Path) -> dict[str, Path]:
    """All recordings without text, a few of them held out, and an hour with text."""
    sets = {name: work / f"{name}.jsonl" for name in ("mute", "mute-dev", "hour")}
    if not sets["hour"].exists():
        drawn = random.Random(1)
        found = [one for name in MUTE for one in read_manifest(systems.SHARED / "speech" / f"{name}.jsonl")]
        held = {one.id for one in drawn.sample(found, 150)}
        write_manifest(sets["mute"], [without_text(one) for one in found if one.id not in held])
        write_manifest(sets["mute-dev"], [without_text(one) for one in found if one.id in held])
        libri = read_manifest(systems.SHARED / "speech" / "train-librispeech.jsonl")
        drawn.shuffle(libri)
        seconds, chosen = 0.0, []
        for one in libri:
            if seconds < HOUR and one.duration < 17:
                chosen.append(systems.row_of(one))
                seconds += one.duration
        write_manifest(sets["hour"], chosen)
    return sets


def without_text(one: Utterance) -> dict[str, Any]:
    return {key: value for key, value in systems.row_of(one).items() if key != "text"}


def recipe(work: Path, train: Path, dev: Path, own: dict[str, Any], threads: int) -> dict[str, Any]:
    """As of `systems`, with other manifests."""
    data = {
        "train": [str(train)],
        "dev": [str(dev)],
        "max_batch_seconds": 60,
        "max_duration_s": 17,
        "workers": 0,
        "cache": str(work / "cache"),
    }
    training = {**systems.BASE["training"], "threads": threads, "max_epochs": 1}
    return {**systems.BASE, "name": "benchmark", "data": data, **own, "training": training}


def run(folder: Path, given: dict[str, Any], minutes: float, command: str, like: Path | None = None) -> int:
    """Train for so many minutes, or for as many epochs as the recipe `like` has; the seconds that it took."""
    folder.mkdir(parents=True, exist_ok=True)
    path, done = folder / "recipe.yaml", folder / "seconds.json"
    if done.exists():
        return int(json.loads(done.read_text()))
    if not path.exists():
        if like is not None and like.exists():
            epochs = yaml.safe_load(like.read_text())["training"]["max_epochs"]
        else:
            guess = forecast(check_recipe(given, str(path)))
            epochs = max(1, int(minutes * 60 / (guess.step_s * guess.steps * systems.OVERHEAD)))
        given["training"]["max_epochs"] = epochs
        write_atomically(path, yaml.safe_dump(given).encode())
    began = time.monotonic()
    arguments = [sys.executable, "-m", "tympan", command, str(path), "--run", str(folder / "run")]
    subprocess.run([*arguments, *(["--resume"] if (folder / "run").exists() else [])], check=True)
    seconds = round(time.monotonic() - began)
    write_atomically(done, json.dumps(seconds).encode())
    return seconds


if __name__ == "__main__":
    main()
