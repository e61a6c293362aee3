"""CTC, and CTC followed by CTC-CRF, at equal steps: python benchmarks/objectives.py TRAIN.jsonl DEV.jsonl DICTIONARY WORK_FOLDER

Twenty minutes of the training manifest teach a small Conformer phones by CTC, from random weights. From its weights two trainings go on
for the same steps with the same data, seed and rates: one by CTC, one by CTC-CRF. Six minutes of the dev manifest choose the weights of
the scorer; the rest of it is the test. Each is decoded greedily, greedily under the denominator's n-gram, and by the beam search with the
scorer inside the package. Some 12 minutes of one core. Prints a JSON row for each and writes all to benchmarks/objectives.json.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan import audio, scoring
from tympan.data.manifest import Utterance, read_manifest, write_manifest
from tympan.decoding import BeamDecoder, greedy
from tympan.features import Normalization
from tympan.lexicon import Pronunciations
from tympan.lm import Scorer
from tympan.recognizer import MODELS
from tympan.tokens import TokenTable
from tympan.training.checkpoint import load_checkpoint
from tympan.training.export import restore_model
from tympan.training.loop import train
from tympan.training.objectives import CTCCRF, build_objective
from tympan.training.recipe import CRFRecipe, check_recipe

ROOT = Path(__file__).resolve().parents[1]
TRAIN_SECONDS, DEV_SECONDS = 1200, 360
LM_WEIGHTS, WORD_SCORES, BEAM_SIZE = (0.5, 0.75, 1.0, 1.25, 1.5), (-2.0, 0.0, 2.0, 4.0), 60
CRF = {"kind": "ctc-crf", "order": 3}


class Quiet:
    """Shows validations only."""

    def note(self, text: str) -> None: ...

    def start(self, *_: object) -> None: ...

    def step(self, *_: object) -> None: ...

    def validated(self, epoch: int, validation: Any, seconds: float) -> None:
        print(f"epoch {epoch}: PER {validation.wer:.2%}, {seconds:.0f} s", file=sys.stderr)


@contextmanager
def progress(_: str, __: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


@dataclass
class Corpus:
    """What is decoded: utterances, their log_probs, and their texts as phones."""

    utterances: Sequence[Utterance]
    emissions: Sequence[npt.NDArray[np.float32]]
    phones: Sequence[str]


def subset(manifest: Path, seconds: float, path: Path) -> set[str]:
    """Write utterances of 2 to 13 s drawn at random, until they have so many seconds; their ids."""
    found = [utterance for utterance in read_manifest(manifest) if 2 < utterance.duration < 13]
    random.Random(0).shuffle(found)
    chosen: list[Utterance] = []
    while sum(utterance.duration for utterance in chosen) < seconds:
        chosen.append(found[len(chosen)])
    rows = [{"audio_filepath": str(each.audio.resolve()), "duration": each.duration, "text": each.text, "id": each.id} for each in chosen]
    write_manifest(path, rows)
    return {utterance.id for utterance in chosen}


def recipe_of(work: Path, dictionary: Path, training: dict[str, Any]) -> Any:
    encoder = {"name": "conformer", "dim": 96, "layers": 4, "heads": 4, "kernel": 15, "expansion": 2, "dropout": 0.1, "subsampling": 4}
    sections = {
        "name": "objectives",
        "seed": 5,
        "data": {
            "train": [work / "train.jsonl"],
            "dev": [work / "dev.jsonl"],
            "cache": work / "cache",
            "max_batch_seconds": 30,
            "workers": 0,
        },
        "augment": {
            "speed": {"factors": [0.9, 1.0, 1.1]},
            "spec": {"frequency_masks": 2, "frequency_width": 15, "time_masks": 4, "time_share": 0.05},
        },
        "tokens": {"kind": "phones", "dictionary": dictionary},
        "model": {"encoder": encoder},
        "training": {"gradient_clip": 1.0, "ema_decay": 0.99, "threads": 1, **training},
    }
    return check_recipe(sections, "benchmarks/objectives.py")


def decoded(folder: Path, utterances: Sequence[Utterance], spell: Callable[[str], str]) -> tuple[Corpus, TokenTable]:
    """The utterances through the network of a run's last checkpoint."""
    model, extractor, tokens = restore_model(load_checkpoint(folder / "last.safetensors"))
    emissions = []
    for utterance in utterances:
        features = torch.from_numpy(Normalization("utterance")(extractor(audio.read(utterance.audio))))
        with torch.no_grad():
            emissions.append(model(features[None], torch.tensor([len(features)]))[0][0].numpy())
    return Corpus(utterances, emissions, [spell(utterance.text) for utterance in utterances]), tokens


def rates(run: Path, sets: dict[str, Sequence[Utterance]], spell: Callable[[str], str], objective: CTCCRF) -> dict[str, float]:
    """Error rates on the test set; the scorer's weights are those that are best on the dev set."""
    corpora = {name: decoded(run, utterances, spell) for name, utterances in sets.items()}
    scorer = Scorer.open(MODELS / "english.scorer")

    def wer(name: str, lm_weight: float, word_score: float) -> float:
        corpus, tokens = corpora[name]
        decoder = BeamDecoder(tokens, scorer, lm_weight, word_score, BEAM_SIZE)
        texts = [hypotheses[0].text for hypotheses in decoder.decode_batch(corpus.emissions, threads=1)]
        return scoring.score([utterance.text for utterance in corpus.utterances], texts).wer

    best = min((wer("dev", lm_weight, word_score), lm_weight, word_score) for lm_weight in LM_WEIGHTS for word_score in WORD_SCORES)
    test, tokens = corpora["test"]
    alone = [tokens.decode(greedy(row).tokens) for row in test.emissions]
    heard = [objective.heard(torch.from_numpy(row)[None], torch.tensor([len(row)]))[0].numpy() for row in test.emissions]
    together = [tokens.decode(greedy(row).tokens) for row in heard]
    return {
        "per": scoring.score(test.phones, alone).wer,
        "per_with_ngram": scoring.score(test.phones, together).wer,
        "wer_with_scorer": wer("test", best[1], best[2]),
        "lm_weight": best[1],
        "word_score": best[2],
    }


def main() -> None:
    """Train, decode, and print."""
    manifest, dev_manifest, dictionary, work = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    subset(manifest, TRAIN_SECONDS, work / "train.jsonl")
    chosen = subset(dev_manifest, DEV_SECONDS, work / "dev.jsonl")
    found = read_manifest(dev_manifest)
    sets = {"dev": [each for each in found if each.id in chosen], "test": [each for each in found if each.id not in chosen]}
    spell = Pronunciations.read(dictionary).transcribe
    begin = {"max_epochs": 40, "learning_rate": 2e-3}
    go_on = {"max_epochs": 12, "learning_rate": 5e-4, "initial": work / "begin" / "last.safetensors"}
    runs = {"begin": begin, "ctc": go_on, "ctc-crf": {**go_on, "objective": CRF}}
    rows = []
    for name, training in runs.items():
        train(recipe_of(work, dictionary, training), work / name, progress, Quiet(), resume=True)
        tokens = TokenTable.from_dict(load_checkpoint(work / name / "last.safetensors").facts["tokens"])
        targets = [tokens.encode(spell(utterance.text)) for utterance in read_manifest(work / "train.jsonl")]
        objective = build_objective(CRFRecipe.model_validate(CRF), len(tokens), targets)
        assert isinstance(objective, CTCCRF)
        found_rates = {key: round(value, 4) for key, value in rates(work / name, sets, spell, objective).items()}
        rows.append({"run": name, "epochs": training["max_epochs"], **found_rates})
        print(json.dumps(rows[-1]), flush=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (ROOT / "benchmarks" / "objectives.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
