"""Every system by one path and one budget: python benchmarks/systems.py WORK [--systems NAME,...] [--minutes 30] [--threads 2]

Trains a small network of each family from random weights on LibriSpeech's and speechocean's training manifests, for as many epochs as
the minutes allow (steps are timed first), as `tympan train` does: the same data, characters, augmentation and batches; learning rate and
optimiser as the system needs. Sixty utterances are held out of the training data to choose the scorer's weights. Judged on
dev-librispeech by `tympan.evaluation`: greedy (families that always search: without a scorer), and with an n-gram of the books.

A system that is done is not trained again: its row stands in WORK/NAME/row.json, the run beside it. Rows of all that are done are printed
as a table and written to benchmarks/systems.json. `--systems` trains some of them; without `--minutes` nothing is begun.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tympan.bundle import Bundle
from tympan.data.manifest import Utterance, read_manifest, write_manifest
from tympan.evaluation import evaluate
from tympan.files import write_atomically
from tympan.lm import Scorer
from tympan.recognizer import Recognizer
from tympan.training.forecast import forecast
from tympan.training.recipe import check_recipe

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
TRAIN = ("train-librispeech", "train-speechocean")
DEV = "dev-librispeech"
HELD_OUT = 60
LM_WEIGHTS, WORD_SCORES = (0.1, 0.3, 0.6, 1.0), (0.0, 1.5)
TUNED_ON = 20
MIN_EPOCHS = 1
OVERHEAD = 1.15  # validation, reading and the loop, beside the steps that are timed

BASE: dict[str, Any] = {
    "language": "en",
    "seed": 1,
    "augment": {
        "speed": {"factors": [0.9, 1.0, 1.1]},
        "spec": {"frequency_masks": 2, "frequency_width": 20, "time_masks": 6, "time_share": 0.05},
    },
    "tokens": {"characters": " 'abcdefghijklmnopqrstuvwxyz"},
    "training": {"learning_rate": 1e-3, "warmup_share": 0.1, "weight_decay": 0.02, "gradient_clip": 1.0, "precision": "auto"},
}
CONFORMER = {"name": "conformer", "dim": 144, "layers": 6, "heads": 4, "kernel": 15, "expansion": 3, "dropout": 0.05, "subsampling": 4}

FAST_CONFORMER = {**CONFORMER, "subsampling": 8, "layers": 8}
VERY_DEEP_CNN = {"name": "very_deep_cnn", "channels": 16, "blocks": 1, "layers": 2, "dim": 160, "dropout": 0.1}
SPELLER = {"dim": 256, "embedding_dim": 64, "attention": "location", "attention_dim": 128, "dropout": 0.1}
SPELLED = {"max_batch_seconds": 100}  # a speller takes as many steps for a short batch as for a long one
SPELLING = {"attention": {"label_smoothing": 0.1, "scheduled_sampling": 0.1, "sampling_ramp": 0.5}}

# The encoder of the model inside the package, which has heard the same recordings under CTC on phones: what comes after it can be
# compared where half an hour is too short for an encoder to learn.
ENGLISH = {"name": "conformer", "dim": 256, "layers": 6, "heads": 4, "kernel": 15, "expansion": 3, "dropout": 0.15, "subsampling": 8}
FROM_ENGLISH = {"initial": str(ROOT / "src" / "tympan" / "assets" / "english.tympan"), "learning_rate": 5e-4}

# Keys that differ from BASE, by system. Sizes are chosen so that a network has one to five million parameters and hears a hundred
# seconds or more in a second on two cores.
SYSTEMS: dict[str, dict[str, Any]] = {
    "conformer": {"model": {"encoder": CONFORMER}},
    "fast-conformer": {"model": {"encoder": FAST_CONFORMER, "head": {"unfold": 2}}},
    "e-branchformer": {
        "model": {
            "encoder": {
                "name": "e_branchformer",
                "dim": 144,
                "layers": 6,
                "heads": 4,
                "feed_forward": 432,
                "gated": 576,
                "kernel": 15,
                "merge_kernel": 15,
                "dropout": 0.05,
            }
        }
    },
    "transformer": {
        "model": {"encoder": {"name": "transformer", "dim": 192, "layers": 8, "heads": 4, "feed_forward": 768, "dropout": 0.05}}
    },
    "crnn": {
        "model": {
            "encoder": {"name": "crnn_assembly", "num_features": 128, "channels": 16, "rnn_layers": 3, "rnn_dim": 192},
            "head": {"hidden": 192, "activation": "gelu"},
        },
        "features": {"name": "mel128", "log": True},
    },
    "deepspeech": {
        "model": {"encoder": {"name": "deepspeech", "num_features": 26, "context": 9, "dim": 512}},
        "features": {"name": "mfcc26"},
        "normalization": {"mode": "utterance"},
    },
    "deepspeech2": {
        "model": {
            "encoder": {"name": "deepspeech2_pytorch", "num_features": 161, "channels": 16, "rnn": "gru", "rnn_layers": 3, "rnn_dim": 256}
        },
        "features": {"name": "spec161"},
    },
    "wave2letter": {
        "model": {"encoder": {"name": "wave2letter", "num_features": 64, "repeat": 1, "width": 0.4, "dropout": 0.25}},
        "features": {"name": "fbank64"},
    },
    "jasper": {
        "model": {"encoder": {"name": "jasper", "num_features": 64, "repeat": 2, "blocks": 1, "width": 0.4, "dropout": 0.25}},
        "features": {"name": "fbank64"},
    },
    "quartznet": {
        "model": {"encoder": {"name": "quartznet", "num_features": 64, "repeat": 3, "blocks": 1, "width": 0.5}},
        "features": {"name": "fbank64"},
    },
    "very-deep-cnn-ctc": {"model": {"encoder": VERY_DEEP_CNN}},
    "very-deep-cnn-las": {
        "model": {"family": "attention", "encoder": VERY_DEEP_CNN, "decoder": SPELLER},
        "training": SPELLING,
        "data": SPELLED,
    },
    "las": {
        "model": {
            "family": "attention",
            "encoder": {"name": "pyramidal_blstm", "dim": 192, "layers": 1, "pyramid": 2, "stack": 2, "dropout": 0.1},
            "decoder": SPELLER,
        },
        "training": SPELLING,
        "data": SPELLED,
    },
    "las-conformer": {
        "model": {"family": "attention", "encoder": FAST_CONFORMER, "decoder": SPELLER, "head": {"unfold": 2}},
        "training": SPELLING,
        "data": SPELLED,
    },
    "neural-transducer": {
        "model": {
            "family": "neural-transducer",
            "encoder": FAST_CONFORMER,
            "decoder": {**SPELLER, "attention": "mlp"},
            "block": {"frames": 6, "back": 6, "tokens": 16},
            "head": {"unfold": 2},
        },
        "data": SPELLED,
    },
    "transducer": {
        "model": {
            "family": "transducer",
            "encoder": FAST_CONFORMER,
            "predictor": {"name": "stateless", "dim": 144},
            "joiner": {"dim": 144},
            "head": {"unfold": 2},
        }
    },
    "las-on-english": {
        "model": {"family": "attention", "encoder": ENGLISH, "decoder": {**SPELLER, "attention": "mlp"}, "head": {"unfold": 2}},
        "training": {**SPELLING, **FROM_ENGLISH},
        "data": SPELLED,
    },
    "neural-transducer-on-english": {
        "model": {
            "family": "neural-transducer",
            "encoder": ENGLISH,
            "decoder": {**SPELLER, "attention": "mlp"},
            "block": {"frames": 6, "back": 6, "tokens": 16},
            "head": {"unfold": 2},
        },
        "training": FROM_ENGLISH,
        "data": SPELLED,
    },
    "transducer-on-english": {
        "model": {
            "family": "transducer",
            "encoder": ENGLISH,
            "predictor": {"name": "stateless", "dim": 144},
            "joiner": {"dim": 144},
            "head": {"unfold": 2},
        },
        "training": FROM_ENGLISH,
    },
    "tdnnf": {"model": {"encoder": {"name": "tdnnf", "dim": 512, "bottleneck": 96, "layers": 9, "prefinal": 192}}},
}


def main() -> None:
    """Train what is asked for, and print the rows of all that is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder of the runs; it can be large")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which to train; default all")
    parser.add_argument("--minutes", type=float, default=0.0, help="of training for each system")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    chosen = arguments.systems.split(",")
    if unknown := sorted(set(chosen) - set(SYSTEMS)):
        parser.error(f"There is no system {', '.join(unknown)}; there are {', '.join(SYSTEMS)}.")
    arguments.work.mkdir(parents=True, exist_ok=True)
    sets = prepare_sets(arguments.work)
    for name in chosen if arguments.minutes else ():
        if not (arguments.work / name / "row.json").exists():
            measure(name, arguments.work / name, sets, arguments)
    rows = [json.loads(path.read_text()) for name in SYSTEMS if (path := arguments.work / name / "row.json").exists()]
    (ROOT / "benchmarks" / "systems.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    show(rows)


def prepare_sets(work: Path) -> dict[str, Path]:
    """The manifests: train, tune (held out of it) and dev, and the books unpacked."""
    sets = {name: work / f"{name}.jsonl" for name in ("train", "tune")}
    sets |= {"dev": SHARED / "speech" / f"{DEV}.jsonl", "books": work / "books.txt"}
    if not sets["train"].exists():
        found = [one for name in TRAIN for one in read_manifest(SHARED / "speech" / f"{name}.jsonl")]
        libri = [one for one in found if "librispeech" in str(one.audio) and 3 < one.duration < 15]
        held = {one.id for one in random.Random(0).sample(libri, HELD_OUT)}
        write_manifest(sets["tune"], [row_of(one) for one in found if one.id in held])
        write_manifest(sets["train"], [row_of(one) for one in found if one.id not in held])
    if not sets["books"].exists():
        write_atomically(sets["books"], lzma.decompress((SHARED / "text" / "books-train.txt.xz").read_bytes()))
    return sets


def row_of(one: Utterance) -> dict[str, Any]:
    """The utterance as a line of a manifest anywhere."""
    return {
        "audio_filepath": str(one.audio.resolve()),
        "duration": one.duration,
        "text": one.text,
        "speaker": one.speaker,
        "id": one.id,
    }


def recipe_of(name: str, sets: dict[str, Path], epochs: int, threads: int, work: Path) -> dict[str, Any]:
    """The recipe of a system for so many epochs."""
    own = SYSTEMS[name]
    data = {
        "train": [str(sets["train"])],
        "dev": [str(sets["dev"])],
        "max_batch_seconds": 80,
        "max_duration_s": 17,
        "workers": 0,
        "shortest_first": True,
        "cache": str(work.parent / "cache"),
        **own.get("data", {}),
    }
    training = {**BASE["training"], **own.get("training", {}), "max_epochs": epochs, "threads": threads}
    rest = {key: value for key, value in own.items() if key not in ("training", "data")}
    return {**BASE, "name": name, "data": data, **rest, "training": training}


def measure(name: str, work: Path, sets: dict[str, Path], arguments: argparse.Namespace) -> None:
    """Train one system and judge it; its row is written last."""
    work.mkdir(parents=True, exist_ok=True)
    path, run = work / "recipe.yaml", work / "run"
    if not path.exists():
        guess = forecast(check_recipe(recipe_of(name, sets, 1, arguments.threads, work), name))
        epochs = max(MIN_EPOCHS, int(arguments.minutes * 60 / (guess.step_s * guess.steps * OVERHEAD)))
        print(f"{name}: {guess.step_s * guess.steps:.0f} s an epoch, {epochs} epochs", file=sys.stderr)
        write_atomically(path, yaml.safe_dump(recipe_of(name, sets, epochs, arguments.threads, work)).encode())
    command = [sys.executable, "-m", "tympan", "train", str(path), "--run", str(run)]
    began, began_cpu = time.monotonic(), cpu_seconds()
    subprocess.run([*command, *(["--resume"] if run.exists() else [])], check=True)
    seconds, cpu = time.monotonic() - began, cpu_seconds() - began_cpu
    bundle = Bundle.open(run / "model.tympan")
    scorer = build_scorer(bundle, work.parent, sets["books"])
    row = {
        "system": name,
        "family": bundle.family,
        "parameters": bundle.model["parameters"],
        "audio_h_heard": round(heard_hours(run), 1),
        "training_s": round(seconds),
        "training_cpu_s": round(cpu),
        "threads": arguments.threads,
        **judged(bundle, scorer, sets),
        "command": f"python benchmarks/systems.py WORK --systems {name} --minutes {arguments.minutes:g} --threads {arguments.threads}",
    }
    write_atomically(work / "row.json", (json.dumps(row) + "\n").encode())


def cpu_seconds() -> float:
    """Of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def heard_hours(run: Path) -> float:
    """Hours of audio that the training took, by its recipe and manifest."""
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    seconds = sum(one.duration for path in recipe["data"]["train"] for one in read_manifest(path))
    return seconds / 3600 * float(recipe["training"]["max_epochs"])


def build_scorer(bundle: Bundle, work: Path, books: Path) -> Path:
    """An n-gram of the books with a lexicon of the system's tokens; one for all systems of the same tokens."""
    path = work / "books.scorer"
    if not path.exists():
        build = [sys.executable, "-m", "tympan", "lm", "build", str(books), "-o", str(path), "--model", str(bundle.path)]
        subprocess.run([*build, "--order", "3", "--prune", "0,1"], check=True)
    return path


def judged(bundle: Bundle, scorer: Path, sets: dict[str, Path]) -> dict[str, Any]:
    """Error rates without and with the scorer, its weights chosen on the utterances held out."""
    dev, tune = read_manifest(sets["dev"]), read_manifest(sets["tune"])[:TUNED_ON]
    alone = evaluate(Recognizer(bundle, threads=1, scorer="none"), dev)
    opened = Scorer.open(scorer)
    rates = {}
    for lm_weight in LM_WEIGHTS:
        for word_score in WORD_SCORES:
            rates[lm_weight, word_score] = wer(with_scorer(bundle, opened, lm_weight, word_score), tune)
    best = min(rates, key=lambda pair: rates[pair])
    searched = evaluate(with_scorer(bundle, opened, *best), dev)
    return {
        "wer": alone.to_dict()["wer"],
        "cer": alone.to_dict()["cer"],
        "rtf": round(alone.rtf, 4),
        "wer_lm": searched.to_dict()["wer"],
        "cer_lm": searched.to_dict()["cer"],
        "rtf_lm": round(searched.rtf, 4),
        "lm_weight": best[0],
        "word_score": best[1],
    }


def with_scorer(bundle: Bundle, scorer: Scorer, lm_weight: float, word_score: float) -> Recognizer:
    return Recognizer(bundle, threads=1, scorer=scorer, lm_weight=lm_weight, word_score=word_score)


def wer(recognizer: Recognizer, utterances: Sequence[Utterance]) -> float:
    return float(evaluate(recognizer, utterances).to_dict()["wer"])


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The table as Markdown."""
    print("| system | family | parameters | hours heard | training, CPU s | WER | CER | WER, n-gram | CER, n-gram | RTF | RTF, n-gram |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        rates = " | ".join(f"{row[key]:.2%}" for key in ("wer", "cer", "wer_lm", "cer_lm"))
        cells = (row["system"], row["family"], f"{row['parameters']:,}", row["audio_h_heard"], f"{row['training_cpu_s']:,}", rates)
        print("| " + " | ".join(map(str, cells)) + f" | {row['rtf']} | {row['rtf_lm']} |")


if __name__ == "__main__":
    main()
