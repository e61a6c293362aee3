"""Training of the CRNN of the tutorials, their way and ours: python benchmarks/training.py [--json PATH] [--threads N] [MANIFEST ...]

    tutorial   one process decodes each recording and takes its mel spectrogram in the collate function, 20 utterances in the order
               in which they come, padded to the longest; float32; torch's GRU; the loss is read at every step
    ours       `tympan train recipes/librispeech-crnn.yaml`: batches of like lengths from a cache, the recipe's precision, our GRU

The same network (its corrected form, with the published number of parameters), the same recordings, one optimiser step a batch, one
run: the two take turns of half a minute. Seconds of audio trained on a second, padding not counted. Both hear the longest utterances
first or in no order as they do in a real training. Without MANIFEST, ../shared/speech/train-librispeech.jsonl. Writes
benchmarks/training-crnn.json or PATH.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from tympan import audio
from tympan.data import Utterance, read_manifest, write_manifest
from tympan.data.torch_loading import Loader
from tympan.features.mel import htk_filters
from tympan.models.layers import recurrent
from tympan.tokens import TokenTable
from tympan.training.precision import precision_here
from tympan.training.prepare import Prepared, prepare
from tympan.training.recipe import Recipe, load_recipe
from tympan.training.step import Stepper
from tympan.training.tasks.ctc import CTCTask

ROOT = Path(__file__).resolve().parents[1]
SPEECH = ROOT.parent / "shared" / "speech"
BATCH = 20
TURN_S = 30.0
TURNS = 4


class MelSpectrogram(nn.Module):
    """As torchaudio's `MelSpectrogram(sample_rate=16000, n_mels=128)` computes it; the tests hold our `mel128` equal to it."""

    def __init__(self) -> None:
        super().__init__()
        self.window = torch.hann_window(400)
        self.filters = torch.from_numpy(htk_filters(128, 400, 16000, 0.0, 8000.0)).float()

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(samples, 400, 200, window=self.window, return_complex=True, pad_mode="reflect").abs() ** 2
        return (self.filters @ spectrum).T  # (T, 128)


class Recordings(torch.utils.data.Dataset[tuple[torch.Tensor, list[int]]]):
    """One utterance at a time, decoded when it is asked for."""

    def __init__(self, utterances: Sequence[Utterance], tokens: TokenTable) -> None:
        self.utterances, self.tokens = utterances, tokens

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, list[int]]:
        utterance = self.utterances[index]
        return torch.from_numpy(audio.read(utterance.audio, 16000)), self.tokens.encode(utterance.text)


def collate(examples: list[tuple[torch.Tensor, list[int]]]) -> tuple[torch.Tensor, ...]:
    """Features (B, T, 128), their lengths, tokens, their lengths, seconds of audio."""
    mel = MelSpectrogram()
    features = [mel(samples) for samples, _ in examples]
    lengths = torch.tensor([len(one) for one in features])
    tokens = torch.tensor([token for _, targets in examples for token in targets])
    seconds = torch.tensor(sum(len(samples) for samples, _ in examples) / 16000)
    return pad_sequence(features, batch_first=True), lengths, tokens, torch.tensor([len(targets) for _, targets in examples]), seconds


def torch_gru(layer: nn.GRU, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """torch's own layer, packed."""
    packed = pack_padded_sequence(x, lengths.clamp(min=1), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=x.shape[1])[0]


@contextmanager
def their_gru() -> Iterator[None]:
    """The network with torch's GRU."""
    ours = recurrent.gru
    recurrent.gru = torch_gru
    try:
        yield
    finally:
        recurrent.gru = ours


def tutorial_steps(prepared: Prepared, utterances: Sequence[Utterance], recipe: Recipe) -> Iterator[float]:
    """Train the tutorials' way; yields the seconds of audio of each step."""
    model = prepared.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), 5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-4, total_steps=10_000, anneal_strategy="linear")
    criterion = nn.CTCLoss(blank=0)
    batches = DataLoader(Recordings(utterances, prepared.tokens), BATCH, shuffle=True, collate_fn=collate, num_workers=1)
    while True:
        for features, lengths, tokens, token_lengths, seconds in batches:
            optimizer.zero_grad()
            with their_gru():
                log_probs, output_lengths = model(features, lengths)
                loss = criterion(log_probs.transpose(0, 1), tokens, output_lengths, token_lengths)
                loss.backward()
            optimizer.step()
            schedule.step()
            loss.item()
            yield float(seconds)


def our_steps(prepared: Prepared, utterances: Sequence[Utterance], recipe: Recipe) -> Iterator[float]:
    """The steps that a training by the recipe takes, without its display and checkpoints."""
    task = CTCTask(prepared.model.train(), prepared.tokens, recipe.training, 10_000)
    optimizer = task.configure_optimizers()
    stepper = Stepper(task)
    half = precision_here(recipe.training.precision) == "bf16-mixed"
    loader = Loader(prepared.train, recipe.data.workers)
    while True:
        for group in loader:
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                yield stepper.take(group, optimizer).seconds


WAYS = {"tutorial": tutorial_steps, "ours": our_steps}


def measure(recipe: Recipe, utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Audio seconds a second of both ways, turn by turn."""
    steps = {}
    for name, way in WAYS.items():
        prepared = prepare(recipe, silent)
        steps[name] = way(prepared, utterances, recipe)
        next(steps[name])  # starts workers, warms up kernels
    audio_s, wall_s = dict.fromkeys(WAYS, 0.0), dict.fromkeys(WAYS, 0.0)
    ratios = []
    for _ in range(TURNS):
        rates = {}
        for name in WAYS:
            began, seconds, took = time.perf_counter(), 0.0, 0.0
            while took < TURN_S:  # whole steps
                seconds += next(steps[name])
                took = time.perf_counter() - began
            audio_s[name], wall_s[name], rates[name] = audio_s[name] + seconds, wall_s[name] + took, seconds / took
        ratios.append(round(rates["ours"] / rates["tutorial"], 2))
    rates = {name: round(audio_s[name] / wall_s[name], 1) for name in WAYS}
    return {"audio_seconds_per_second": rates, "ratio": round(rates["ours"] / rates["tutorial"], 2), "ratios": ratios}


@contextmanager
def silent(_: str, __: int) -> Iterator[Any]:
    """No progress."""
    yield lambda done: None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="*", type=Path, default=[SPEECH / "train-librispeech.jsonl"])
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "training-crnn.json")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    utterances = [utterance for manifest in arguments.manifests for utterance in read_manifest(manifest)]
    with tempfile.TemporaryDirectory() as folder:
        rows = [{"audio_filepath": str(of.audio.resolve()), "duration": of.duration, "text": of.text, "id": of.id} for of in utterances]
        write_manifest(Path(folder) / "train.jsonl", rows)
        write_manifest(Path(folder) / "dev.jsonl", rows[:20])
        paths = {"data.train": [f"{folder}/train.jsonl"], "data.dev": [f"{folder}/dev.jsonl"], "data.cache": folder}
        recipe = load_recipe(ROOT / "recipes" / "librispeech-crnn.yaml", [f"{key}={json.dumps(value)}" for key, value in paths.items()])
        row = measure(recipe, utterances)
    row |= {"threads": arguments.threads, "precision": precision_here(recipe.training.precision), "load": round(os.getloadavg()[0], 1)}
    text = json.dumps(row)
    arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
