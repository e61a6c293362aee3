"""Minimum word error rate after CTC: python benchmarks/mwer.py WORK [--system conformer] [--epochs 2] [--hours 2.5]

Takes the CTC system that `python benchmarks/systems.py WORK` has trained, and goes on from its best weights in two ways for the same
steps, with the same data, seed and rates: by CTC as before, and by `training.mwer` with the scorer and the weights of the system's row
(CTC with 0.1). All three are judged on dev-librispeech with that scorer, greedily too. Prints a row for each and writes them to
benchmarks/mwer.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

import systems
from tympan.bundle import Bundle
from tympan.data.manifest import read_manifest, write_manifest
from tympan.evaluation import evaluate
from tympan.files import write_atomically
from tympan.lm import Scorer
from tympan.recognizer import Recognizer

RATE = 1e-4


def main() -> None:
    """Train both and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--system", default="conformer")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--hours", type=float, default=2.5, help="of the training manifest, its beginning")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    start = arguments.work / arguments.system
    row = json.loads((start / "row.json").read_text())
    sets = systems.prepare_sets(arguments.work)
    part = arguments.work / "mwer-train.jsonl"
    write_part(sets["train"], part, arguments.hours)
    scorer = arguments.work / "books.scorer"
    mwer = {"scorer": str(scorer), "nbest": 4, "beam_size": 50, "lm_weight": row["lm_weight"], "word_score": row["word_score"]}
    rows = [judged("start", start / "run" / "model.tympan", scorer, row)]
    for name, more in (("ctc", {}), ("mwer", {"mwer": mwer})):
        run = arguments.work / f"mwer-{name}"
        if not (run / "model.tympan").exists():
            train(start, part, run, {**more, "max_epochs": arguments.epochs}, arguments.threads)
        rows.append(judged(name, run / "model.tympan", scorer, row))
    for one in rows:
        print(json.dumps(one))
    (systems.ROOT / "benchmarks" / "mwer.json").write_text("".join(json.dumps(one) + "\n" for one in rows))


def write_part(manifest: Path, path: Path, hours: float) -> None:
    """The utterances of a manifest until there are so many hours."""
    seconds, rows = 0.0, []
    for one in read_manifest(manifest):
        if seconds < hours * 3600:
            rows.append(systems.row_of(one))
            seconds += one.duration
    write_manifest(path, rows)


def train(start: Path, manifest: Path, run: Path, more: dict[str, Any], threads: int) -> None:
    """Go on from the system's best weights."""
    recipe = yaml.safe_load((start / "recipe.yaml").read_text())
    recipe["data"]["train"] = [str(manifest)]
    changes = {"initial": str(start / "run" / "best.safetensors"), "learning_rate": RATE, "threads": threads, "keep_best": 1, **more}
    recipe["training"] = {**recipe["training"], **changes}
    path = run.with_suffix(".yaml")
    write_atomically(path, yaml.safe_dump(recipe).encode())
    command = [sys.executable, "-m", "tympan", "train", str(path), "--run", str(run)]
    subprocess.run([*command, *(["--resume"] if run.exists() else [])], check=True)


def judged(name: str, bundle: Path, scorer: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Error rates on dev-librispeech, greedily and with the scorer."""
    dev, opened = read_manifest(systems.SHARED / "speech" / f"{systems.DEV}.jsonl"), Bundle.open(bundle)
    greedy = evaluate(Recognizer(opened, threads=1, scorer="none"), dev).to_dict()
    recognizer = Recognizer(opened, threads=1, scorer=Scorer.open(scorer), lm_weight=row["lm_weight"], word_score=row["word_score"])
    searched = evaluate(recognizer, dev).to_dict()
    return {"training": name, "wer": greedy["wer"], "wer_lm": searched["wer"], "cer": greedy["cer"], "cer_lm": searched["cer"]}


if __name__ == "__main__":
    main()
