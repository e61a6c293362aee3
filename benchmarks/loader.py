"""How fast batches come, and how long a training waits for them: python benchmarks/loader.py [--json PATH] [MANIFEST ...]

    from files       each recording is decoded in every epoch (data.cache_kind: none)
    from the cache   of samples, and of features
    waiting          share of a training's steps in which it had no batch, with the network and the augmentation of a recipe

Log-mel features (fbank80) and SpecAugment throughout; two worker processes on two cores. Seconds of audio a second of wall time, from
the first batch on, the best of three epochs. Without MANIFEST, ../shared/speech/train-librispeech.jsonl. Prints a table and one JSON
row, which goes to benchmarks/loader.json or to PATH; `busy_elsewhere` is how many cores other programs kept busy before the start.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tympan.data import Utterance, read_manifest, write_manifest
from tympan.data.augment import Augmenter, AugmentRecipe
from tympan.data.batches import plan_batches
from tympan.data.cache import FeatureCache, FrameFeatures, cache_audio, open_uncached, plan_cache
from tympan.data.torch_batches import SpeechData
from tympan.data.torch_loading import Loader
from tympan.features import Fbank80, Normalization
from tympan.training.precision import precision_here
from tympan.training.prepare import prepare
from tympan.training.recipe import load_recipe
from tympan.training.tasks.ctc import CTCTask

ROOT = Path(__file__).resolve().parents[1]
SPEECH = ROOT.parent / "shared" / "speech"
BATCH_SECONDS = 80.0
ASKED = {"files": 400, "waveform cache": 2000, "feature cache": 2000}
EPOCHS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="*", type=Path, default=[SPEECH / "train-librispeech.jsonl"])
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "loader.json")
    parser.add_argument("--seconds", type=float, default=8000.0, help="of audio, at most")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", type=int, default=2, help="for the first three rows")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "english-phones.yaml")
    parser.add_argument("--steps", type=int, default=40, help="of training; 0 for none")
    arguments = parser.parse_args()
    os.chdir(ROOT)  # recipes name their manifests from here
    row: dict[str, Any] = {"busy_elsewhere": busy_cores(2.0), "workers": arguments.workers, "cores": arguments.cores}
    utterances = some_of(arguments.manifests, arguments.seconds)
    row["audio_s"] = round(sum(utterance.duration for utterance in utterances))
    with tempfile.TemporaryDirectory() as folder:
        with only_cores(arguments.cores):
            row |= {"audio_seconds_per_second": speeds(utterances, Path(folder), arguments.workers)}
        if arguments.steps:
            row["waiting"] = waiting(arguments.recipe, utterances, Path(folder), arguments.steps)
    row["plan"] = plans([utterance.duration for manifest in arguments.manifests for utterance in read_manifest(manifest)])
    show(row)
    text = json.dumps(row)
    arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


def some_of(manifests: Sequence[Path], seconds: float) -> list[Utterance]:
    """The first utterances, up to `seconds` of them."""
    utterances = [utterance for manifest in manifests for utterance in read_manifest(manifest)]
    count = int(np.searchsorted(np.cumsum([utterance.duration for utterance in utterances]), seconds)) + 1
    return utterances[:count]


def speeds(utterances: list[Utterance], folder: Path, workers: int) -> dict[str, int]:
    """Audio seconds a second, by where the sounds come from."""
    extractor = Fbank80()
    rate = extractor.sample_rate
    caches = {
        "files": open_uncached(utterances, folder, rate),
        "waveform cache": cache_audio(utterances, folder, rate),
        "feature cache": FeatureCache(plan_cache(utterances, folder, FrameFeatures(extractor)).make()),
    }
    augmenter = Augmenter(AugmentRecipe(), rate)
    normalization = Normalization("utterance")
    found = {}
    for name, cache in caches.items():
        count = len(utterances)
        data = SpeechData(
            utterances, [[]] * count, cache, range(count), extractor, normalization, BATCH_SECONDS, seed=1, augmentation=augmenter
        )
        found[name] = round(max(speed(replace(data, epoch=epoch), workers) for epoch in range(EPOCHS)))
    return found


def speed(data: SpeechData, workers: int) -> float:
    """Audio seconds a second of one epoch, from its first batch on."""
    batches = Loader(data, workers).batches()
    next(batches)
    began = time.perf_counter()
    seconds = sum(batch.seconds for batch in batches)
    return seconds / (time.perf_counter() - began)


def waiting(recipe_path: Path, utterances: list[Utterance], folder: Path, steps: int) -> dict[str, Any]:
    """Train as the recipe says on these utterances, and watch the clock of the loader."""
    rows = [{"audio_filepath": str(one.audio.resolve()), "duration": one.duration, "text": one.text, "id": one.id} for one in utterances]
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "dev.jsonl", rows[:20])
    paths = {"data.train": [str(folder / "train.jsonl")], "data.dev": [str(folder / "dev.jsonl")], "data.cache": str(folder)}
    recipe = load_recipe(recipe_path, [f"{key}={json.dumps(value)}" for key, value in paths.items()])
    torch.set_num_threads(recipe.training.threads or torch.get_num_threads())
    prepared = prepare(recipe, silent)
    task = CTCTask(prepared.model, prepared.tokens, recipe.training, steps)
    optimizer = task.configure_optimizers()
    batches = Loader(prepared.train, recipe.data.workers).batches()
    waited = first_s = audio_s = began = 0.0
    for step in range(steps + 1):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        if step == 1:  # the first batch waits for the workers to start, and the first step for its kernels
            first_s, waited, audio_s, began = waited, 0.0, 0.0, time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision_here(recipe.training.precision) == "bf16-mixed"):
            loss = task.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        audio_s += batch.seconds
    wall = time.perf_counter() - began
    return {
        "recipe": recipe.name,
        "share": round(waited / wall, 4),
        "steps": step,
        "step_s": round(wall / step, 3),
        "audio_seconds_per_second": round(audio_s / wall),
        "first_batch_s": round(first_s, 2),
        "threads": torch.get_num_threads(),
        "workers": recipe.data.workers,
        "cores": os.cpu_count(),
    }


def plans(durations: list[float]) -> dict[str, dict[str, float]]:
    """Batches of an epoch and how much of them is padding, ours and those of lhotse's dynamic buckets, if that is installed."""
    began = time.perf_counter()
    ours = plan_batches(durations, BATCH_SECONDS, seed=1, epoch=0)
    rows = {"ours": described([[durations[index] for index in batch] for batch in ours], time.perf_counter() - began)}
    try:
        from lhotse import CutSet
        from lhotse.cut import MonoCut
        from lhotse.dataset import DynamicBucketingSampler
    except ImportError:
        return rows
    cuts = CutSet.from_cuts(MonoCut(str(index), 0, duration, 0) for index, duration in enumerate(durations))
    began = time.perf_counter()
    warnings.filterwarnings("ignore", message=".*eagerly read CutSet.*")
    sampler = DynamicBucketingSampler(cuts, max_duration=BATCH_SECONDS, num_buckets=30, shuffle=True, seed=1, world_size=1, rank=0)
    theirs = [[cut.duration for cut in batch] for batch in sampler]
    return {**rows, "lhotse": described(theirs, time.perf_counter() - began)}


def described(batches: list[list[float]], seconds: float) -> dict[str, float]:
    """Number, share of padding, and how long the plan took."""
    padded = sum(max(batch) * len(batch) for batch in batches)
    return {"batches": len(batches), "padding": round(1 - sum(map(sum, batches)) / padded, 4), "seconds": round(seconds, 4)}


def show(row: dict[str, Any]) -> None:
    """The table."""
    print(f"{'batches from':16}{'audio-s/s':>10}{'asked':>8}")
    for name, value in row["audio_seconds_per_second"].items():
        print(f"{name:16}{value:10,}{ASKED[name]:8,}")
    if told := row.get("waiting"):
        where = f"{told['recipe']}, {told['step_s']} s a step on {told['threads']} threads and {told['workers']} worker"
        print(f"{'waiting':16}{told['share']:10.2%}{'3 %':>8}   {where}")
    for name, plan in row["plan"].items():
        print(f"plan, {name:10}{plan['padding']:10.2%} padding in {plan['batches']} batches, {plan['seconds']} s")
    print(f"other programs kept {row['busy_elsewhere']} of {os.cpu_count()} cores busy before")


@contextmanager
def only_cores(count: int) -> Iterator[None]:
    """This process and those that it starts, on `count` cores, where the system lets it choose."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def busy_cores(seconds: float) -> float:
    """How many cores are busy now, on average over `seconds`; -1 where the system does not tell."""

    def busy() -> int:
        user, nice, system, _idle, _waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
        return user + nice + system + sum(rest[:3])

    if not Path("/proc/stat").exists():
        return -1.0
    before = busy()
    time.sleep(seconds)
    return round((busy() - before) / os.sysconf("SC_CLK_TCK") / seconds, 1)


@contextmanager
def silent(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows nothing."""
    yield lambda done: None


if __name__ == "__main__":
    main()
